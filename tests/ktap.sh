# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Writing KTAP with subtests, for tests/run and tests/guest to source.
# The caller says how many results it will print: ktap_plan N. Afterwards
# $ktap_failed is the exit code that tells of all of them.

# The beginning of a document with $1 results.
ktap_plan()
{
	ktap_count=0 ktap_failed=0
	echo 'KTAP version 1'
	echo "1..$1"
}

# One result: exit code $1 of the test $2; the text $3 explains a failure.
ktap_result()
{
	ktap_count=$((ktap_count + 1))
	if (($1 == 0)); then
		echo "ok $ktap_count $2"
	else
		[[ -z ${3-} ]] || sed 's/^/# /' <<<"$3"
		echo "not ok $ktap_count $2"
		# shellcheck disable=SC2034
		ktap_failed=1
	fi
	return "$1"
}

# Run "${@:2}", which prints KTAP, as the subtest $1.
ktap_subtest()
{
	local code

	echo "# Subtest: $1"
	"${@:2}" </dev/null 2>&1 | stdbuf -oL sed 's/^/  /'
	code=${PIPESTATUS[0]}
	((code == 0)) || set -- "$1 (exit code $code)"
	ktap_result "$code" "$1"
}
