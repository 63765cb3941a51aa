#!/bin/sh
# Fills ../web/vendor with the players that the library page embeds, in the
# versions of package-lock.json, with the licences of everything in them. Safe
# to repeat; does nothing where it was filled from the same lock file by this script.
set -eu
cd "$(dirname "$0")"
to=../web/vendor

if [ -e $to/.lock ] && cat package-lock.json vendor.sh | cmp -s - $to/.lock; then
	exit 0
fi
command -v npm >/dev/null || { echo "vendor.sh: npm is missing: run \`make setup\`" >&2; exit 2; }
npm ci --no-audit --no-fund --loglevel=error

rm -rf $to/licenses $to/*.js
mkdir -p $to/licenses
cp node_modules/hls.js/dist/hls.min.js $to/
cp node_modules/dashjs/dist/modern/umd/dash.all.min.js node_modules/dashjs/dist/modern/umd/dash.mss.min.js $to/
for license in node_modules/*/LICENSE* node_modules/@*/*/LICENSE*; do
	name=$(dirname "${license#node_modules/}" | tr '/' '_')
	cp "$license" "$to/licenses/$name.$(basename "$license")"
done
cat package-lock.json vendor.sh > $to/.lock
