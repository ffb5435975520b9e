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

# The ELF kernel out of the compressed image $1, to stdout. Its place is in
# the image's header, see Documentation/x86/boot.rst of Linux.
unpack_kernel()
{
	local -i sectors offset length start
	local unpack

	sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$1")
	read -r offset length < <(od -An -tu4 -j $((0x248)) -N 8 "$1")
	start=$(((sectors + 1) * 512 + offset))
	case $(od -An -tx1 -j "$start" -N 4 "$1") in
	' fd 37 7a 58') unpack='xz -dc' ;;
	' 28 b5 2f fd') unpack='zstd -dc' ;;
	*) die "$1 is packed neither with xz nor with zstd" ;;
	esac
	# The last four bytes are the unpacked size.
	head -c $((start + length - 4)) "$1" | tail -c +$((start + 1)) | $unpack
}
