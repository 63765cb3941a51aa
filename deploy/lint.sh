#!/bin/sh
# lint.sh GO STATICCHECK MODULE…: what is wrong with the code, of each module.
set -eu
go=$1 staticcheck=$2
shift 2

top=$(pwd)
unformatted=$(gofmt -l $(git ls-files --cached --others --exclude-standard '*.go'))
if [ -n "$unformatted" ]; then
	echo "gofmt wants to change:" $unformatted >&2
	exit 1
fi
for module in "$@"; do
	echo "lint $module"
	cd "$top/$module"
	"$go" vet ./...
	"$go" run "$staticcheck" ./...
	# Its exit code is 1 also where it only says that two fixes exclude each other.
	changes=$("$go" fix -diff ./... 2>/dev/null) || true
	if [ -n "$changes" ]; then
		printf '%s\n' "$changes" >&2
		echo 'go fix wants to change this: run `go fix ./...`' >&2
		exit 1
	fi
	"$go" mod tidy -diff
done
