# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The daemon under test, for tests/guest, tests/demo and the Python tests: its
# certificates, its configuration, its life. Runs as root in the guest, in the
# top directory of the checkout. What it makes is in $SOCKAUTH_TEST_DIR.

: "${SOCKAUTH_TEST_DIR:=/run/sockauth-test}"
export SOCKAUTH_TEST_DIR

# What kTLS needs; nothing loads modules on demand in the guest. No kernel has
# all of these.
# shellcheck disable=SC2034
DAEMON_CRYPTO=(tls gcm ctr ccm ghash_generic aes_generic
	chacha20poly1305 chacha chacha_generic poly1305_generic)

DAEMON_LOG=$SOCKAUTH_TEST_DIR/sockauthd.log
daemon_pid=$SOCKAUTH_TEST_DIR/sockauthd.pid

# A profile called $1: the certificates of localhost, and the lines "${@:2}".
daemon_profile()
{
	local dir=$SOCKAUTH_TEST_DIR

	echo "[profile $1]"
	printf '%s\n' "certificate = $dir/server.pem" "key = $dir/server.key"
	shift
	((!$#)) || printf '%s\n' "$@"
}

# What each test expects of each profile is in the test.
daemon_config()
{
	local dir=$SOCKAUTH_TEST_DIR

	printf '%s\n' '[daemon]' 'workers = 2'
	daemon_profile default \
		"certificate = $dir/a.pem" "key = $dir/a.key" \
		"certificate = $dir/b.pem" "key = $dir/b.key"
	daemon_profile mutual 'client-certificate = require' "trust = $dir/ca.pem"
	daemon_profile request 'client-certificate = request' "trust = $dir/ca.pem"
	daemon_profile alpn 'alpn = h2, http/1.1'
	daemon_profile aes128 'ciphers = TLS_AES_128_GCM_SHA256'
	daemon_profile aes256 'ciphers = TLS_AES_256_GCM_SHA384'
	daemon_profile chacha 'ciphers = TLS_CHACHA20_POLY1305_SHA256'
	daemon_profile notickets 'tickets = 0'
	daemon_profile known "trust = $dir/ca.pem" \
		"certificate = $dir/good.pem" "key = $dir/good.key"
	daemon_profile crl "trust = $dir/ca.pem" "crl = $dir/crl.pem"
	daemon_profile target "trust = $dir/ca.pem" 'target = localhost'
	daemon_profile client "trust = $dir/ca.pem"
	daemon_profile guests "trust = $dir/ca.pem" 'guests = yes'
}

# The user that the daemon becomes; packages make it where it is installed.
daemon_user()
{
	getent passwd sockauth >/dev/null ||
		useradd --system --no-create-home --shell /usr/sbin/nologin sockauth
}

# Certificates, configuration and user, once. tests/run has made certificates
# in build/pki, because that takes this guest several seconds; those of another
# tests/pki are of no use.
daemon_prepare()
{
	local dir=$SOCKAUTH_TEST_DIR

	[[ ! -e $dir/sockauthd.conf ]] || return 0
	if [[ build/pki/complete -nt tests/pki ]]; then
		cp -r build/pki "$dir"
	else
		tests/pki "$dir"
	fi && daemon_user && daemon_config >"$dir/sockauthd.conf"
}

# Wait up to 20 s (or DAEMON_PATIENCE) until "$@" succeeds.
daemon_await()
{
	local end=$((SECONDS + ${DAEMON_PATIENCE:-20}))

	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

daemon_alive()
{
	[[ -e $daemon_pid ]] && kill -0 "$(<"$daemon_pid")" 2>/dev/null
}

# How often does the log say $1?
daemon_said()
{
	grep -c "$1" "$DAEMON_LOG"
}

# Start it; done once it says that it is ready.
daemon_start()
{
	local before

	daemon_prepare || return
	touch "$DAEMON_LOG"
	before=$(daemon_said ready:)
	setsid build/sockauthd -c "$SOCKAUTH_TEST_DIR/sockauthd.conf" \
		</dev/null >>"$DAEMON_LOG" 2>&1 &
	echo $! >"$daemon_pid"
	daemon_await eval "((\$(daemon_said ready:) > $before))"
}

daemon_stop()
{
	local pid

	pid=$(<"$daemon_pid")
	kill "$pid" && daemon_await eval "! kill -0 $pid 2>/dev/null"
}

# Reload; done once the log says so.
daemon_reload()
{
	local before

	before=$(daemon_said reloaded)
	kill -HUP "$(<"$daemon_pid")" &&
		daemon_await eval "((\$(daemon_said reloaded) > $before))"
}
