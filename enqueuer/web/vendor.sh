#!/bin/sh
# Fills vendor/ with the players that the library page embeds, in the versions
# of package-lock.json, with the licences of everything in them. Safe to repeat;
# does nothing where vendor/ was filled from the same lock file.
set -eu
cd "$(dirname "$0")"

if [ -e vendor/.lock ] && cmp -s package-lock.json vendor/.lock; then
	exit 0
fi
command -v npm >/dev/null || { echo "vendor.sh: npm is missing: install Node.js 20 or newer" >&2; exit 2; }
npm ci

rm -rf vendor
mkdir -p vendor/licenses
cp node_modules/hls.js/dist/hls.min.js vendor/
cp node_modules/dashjs/dist/modern/umd/dash.all.min.js vendor/
for license in node_modules/*/LICENSE* node_modules/@*/*/LICENSE*; do
	name=$(dirname "${license#node_modules/}" | tr '/' '_')
	cp "$license" "vendor/licenses/$name.$(basename "$license")"
done
cp package-lock.json vendor/.lock
