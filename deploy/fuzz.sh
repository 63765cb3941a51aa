#!/bin/sh
# fuzz.sh GO TIME MODULE…: runs every fuzz test of each module for TIME.
set -eu
go=$1 time=$2
shift 2

top=$(pwd)
for module in "$@"; do
	cd "$top/$module"
	for package in $("$go" list ./...); do
		for fuzz in $("$go" test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
			echo "$package $fuzz"
			"$go" test -run '^$' -fuzz "^$fuzz\$" -fuzztime "$time" "$package"
		done
	done
done
