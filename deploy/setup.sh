#!/bin/sh
# Installs what is missing on this machine: `setup.sh demo` for the demo,
# `setup.sh test` for the tests too. Does nothing where everything is there.
# Without the right to install it prints the line to run and exits with 2.
set -eu

want=${1:?"usage: setup.sh demo|test"}
apt= brew=

# need COMMAND APT-PACKAGES BREW-PACKAGES: COMMAND is a command or a test.
need() {
	if ! eval "$1" >/dev/null 2>&1; then
		apt="$apt $2"
		brew="$brew $3"
	fi
}
has() { need "command -v $1" "$2" "$3"; }
element() { need "gst-inspect-1.0 $1" "$2" "gstreamer"; }

has ffmpeg ffmpeg ffmpeg
has ffprobe ffmpeg ffmpeg
has redis-server redis-server redis
has node nodejs node
has npm npm node
need "fc-list | grep -qi dejavu || ls /usr/share/fonts/truetype/dejavu" fonts-dejavu-core ""
if [ "$want" = test ]; then
	need "command -v chromium || command -v google-chrome" chromium ""
	has gst-launch-1.0 gstreamer1.0-tools gstreamer
	element typefind gstreamer1.0-plugins-base
	element qtdemux gstreamer1.0-plugins-good
	element hlsdemux gstreamer1.0-plugins-bad
	element dashdemux gstreamer1.0-plugins-bad
	element avdec_h264 gstreamer1.0-libav
	need "test -x /usr/bin/aws || command -v aws" awscli awscli
	has docker-compose docker-compose docker-compose
	has envsubst gettext-base gettext
fi
[ -n "$apt" ] || exit 0

once() { printf '%s\n' "$@" | sort -u | tr '\n' ' '; }
if command -v apt-get >/dev/null; then
	line="apt-get install -y --no-install-recommends $(once $apt)"
	if [ "$(id -u)" = 0 ]; then
		as=
	elif sudo -n true 2>/dev/null; then
		as="sudo -n"
	else
		echo "setup: missing here:$apt; run:  sudo $line" >&2
		exit 2
	fi
	echo "setup: $line"
	$as apt-get update -qq
	# shellcheck disable=SC2086
	$as env DEBIAN_FRONTEND=noninteractive $line -qq >/dev/null
elif command -v brew >/dev/null; then
	line="brew install $(once $brew)"
	echo "setup: $line"
	$line
else
	echo "setup: missing here:$apt; install them with this system's package manager" >&2
	exit 2
fi
