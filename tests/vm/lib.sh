# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tests/vm/run and tests/vm/kernel share.

# shellcheck disable=SC2034 # for whom sources this
cache=${SOCKAUTH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sockauth}

# What cannot be run at all ends with this code.
readonly E_SETUP=125

say()
{
	echo "vm: $*" >&2
}

die()
{
	say "$*"
	exit $E_SETUP
}

# Debian's newest installed kernel that a module can be built against.
stock_release()
{
	local release

	for release in /boot/vmlinuz-*-amd64; do
		release=${release#/boot/vmlinuz-}
		[[ ! -e /lib/modules/$release/build ]] || echo "$release"
	done | sort -V | tail -n 1 | grep . ||
		die 'no installed kernel with headers: run scripts/setup'
}
