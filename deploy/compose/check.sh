#!/bin/sh
# check.sh: runs what docker-compose.yml describes, in a Docker daemon of its
# own and with images that are built here from scratch, so that it needs no
# image from elsewhere. It adds a video, sees it published, scales the workers,
# kills one, takes a report, and stops everything in order. Root only.
set -eu
cd "$(dirname "$0")/../.."

missing=
for tool in dockerd:docker.io docker:docker.io docker-compose:docker-compose redis-server:redis-server go:golang curl:curl /usr/bin/aws:awscli; do
	command -v "${tool%:*}" >/dev/null || missing="$missing ${tool#*:}"
done
if [ -n "$missing" ]; then
	echo "compose-check: missing here; run:  apt-get install -y --no-install-recommends$missing" >&2
	exit 2
fi
[ "$(id -u)" = 0 ] || { echo "compose-check: a Docker daemon needs root" >&2; exit 2; }

work=$(mktemp -d)
export DOCKER_HOST="unix://$work/sock" COMPOSE_PROJECT_NAME=vodfleet-check COMPOSE_PROFILES=local
unset DOCKER_CONTEXT DOCKER_CONFIG COMPOSE_FILE
# Nothing of the caller's fleet or account comes in.
for name in $(env | sed -n 's/^\(\(AWS\|VODFLEET\)_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done
daemon=

started=$(date +%s)
say() { echo "$(($(date +%s) - started)) s: $*"; }
fail() {
	echo "compose-check: $*" >&2
	compose ps >&2 || true
	compose logs --tail 20 >&2 || true
	exit 1
}
compose() { docker-compose --env-file deploy/compose/local.env -f docker-compose.yml -f deploy/compose/check.yml "$@"; }

end() {
	code=$?
	trap - EXIT INT TERM
	if [ -n "$daemon" ]; then
		compose down -v --timeout 90 >/dev/null 2>&1 || true
		kill "$daemon" 2>/dev/null || true
		wait "$daemon" 2>/dev/null || true
	fi
	rm -rf "$work"
	exit "$code"
}
trap end EXIT
trap 'exit 130' INT TERM

# within SECONDS COMMAND…: until it succeeds.
within() {
	until=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$until" ] || return 1
		sleep 1
	done
}

mkdir "$work/exec"
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs --data-root "$work/data" \
	--exec-root "$work/exec" --pidfile "$work/pid" -H "$DOCKER_HOST" >"$work/dockerd.log" 2>&1 &
daemon=$!
within 30 docker version || { tail "$work/dockerd.log" >&2; fail "dockerd does not start"; }
say "dockerd $(docker version --format '{{.Server.Version}}')"

# The images that deploy/Dockerfile and a registry would give, around what is here.
mkdir -p "$work/vodfleet/bin" "$work/localcloud/bin" "$work/localcloud/state" "$work/redis/data"
(
	export CGO_ENABLED=0
	go build -trimpath -ldflags='-s -w' -o "$work/vodfleet/bin/" ./worker ./enqueuer
	cd internal/localcloud && go build -trimpath -ldflags='-s -w' -o "$work/localcloud/bin/localcloud" .
)
printf 'FROM scratch\nCOPY bin/ /usr/local/bin/\nENV PATH=/usr/local/bin\nUSER 65532:65532\n' >"$work/vodfleet/Dockerfile"
printf 'FROM scratch\nCOPY bin/ /usr/local/bin/\nCOPY --chown=65532:65532 state /var/lib/localcloud\nENV PATH=/usr/local/bin\nUSER 65532:65532\n' >"$work/localcloud/Dockerfile"
for file in /usr/bin/redis-server /usr/bin/redis-cli $(ldd /usr/bin/redis-server /usr/bin/redis-cli | sed -n 's/^[^:]*\(=> \|\t\)\(\/[^ ]*\) (.*/\2/p' | sort -u); do
	mkdir -p "$work/redis/root$(dirname "$file")"
	cp -L "$file" "$work/redis/root$file"
done
printf 'FROM scratch\nCOPY root/ /\nCOPY --chown=999:1000 data /data\nENV PATH=/usr/bin\nUSER 999:1000\n' >"$work/redis/Dockerfile"
image() { docker build -q -t "$1" "$work/$2" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; fail "build $1"; }; }
image vodfleet vodfleet
image vodfleet-localcloud localcloud
image "$(sed -n 's/^ *image: \(redis:.*\)/\1/p' docker-compose.yml)" redis
say "images: $(docker images --format '{{.Repository}} {{.Size}}' | sort -u | paste -sd, -)"

# healthy SERVICE NUMBER: that many of its containers say that they are well.
healthy() {
	[ "$(compose ps -q "$1" | xargs -r docker inspect --format '{{.State.Health.Status}}' | grep -c '^healthy$')" = "$2" ]
}
compose up -d --no-build >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; fail "up"; }
for service in redis localcloud worker enqueuer dashboard; do
	within 90 healthy $service 1 || fail "$service is not healthy"
done
say "five services are healthy"

# What the file promises of the containers.
for id in $(compose ps -q); do
	docker inspect --format '{{.Name}} {{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.RestartPolicy.Name}}' "$id"
done >"$work/kept"
grep -vE ' (65532:65532|999:1000) true \[ALL\] \[no-new-privileges:true\] unless-stopped$' "$work/kept" && fail "a container is not contained"

aws_here() {
	env AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=localcloud AWS_SECRET_ACCESS_KEY=localcloud-secret \
		/usr/bin/aws --endpoint-url http://127.0.0.1:9000 "$@"
}
enqueuer() { compose run --rm -T enqueuer enqueuer "$@"; }
# video NAME: a file that a simulated job takes for a video.
video() { printf '\000\000\000\030ftypisom\000\000\002\000isomiso2 %s' "$1" | aws_here s3 cp --quiet - "s3://vodfleet-library/$1"; }

curl -sf -o /dev/null http://127.0.0.1:8980/ && fail "the dashboard asks for no credentials"
curl -sf -o /dev/null -u local:local http://127.0.0.1:8980/ || fail "the dashboard does not answer"

video one.mp4
began=$(date +%s)
enqueuer add --wait s3://vodfleet-library/one.mp4 >"$work/add" 2>&1 || { cat "$work/add" >&2; fail "add"; }
url=http://127.0.0.1:9080/watch/$(sed -n 's/^\([A-Z2-7]\{26\}\)  *published .*/\1/p' "$work/add")/master.m3u8
curl -sf "$url" | grep -q '^#EXTM3U' || { cat "$work/add" >&2; fail "$url does not answer"; }
say "a video was published $(($(date +%s) - began)) s after add: $url"

compose up -d --no-build --scale worker=3 >/dev/null 2>&1 || fail "scale"
within 90 healthy worker 3 || fail "not three healthy workers"
say "three workers are healthy"

for n in 1 2 3 4 5 6 7 8 9; do video "bulk/$n.mp4"; done
compose exec -T localcloud localcloud inventory --dir /var/lib/localcloud --bucket vodfleet-library --to s3://vodfleet-reports/inventory >/dev/null || fail "report"
compose restart -t 40 enqueuer >/dev/null 2>&1 # it looks at once when it starts
victim=$(compose ps -q worker | head -1)
kill -9 "$(docker inspect --format '{{.State.Pid}}' "$victim")" # as a crash: the restart policy brings it back
published() { [ "$(enqueuer status --output json 2>/dev/null | grep -o '"published": *[0-9]*' | grep -o '[0-9]*$')" = "$1" ]; }
within 240 published 10 || { enqueuer status >&2; fail "not ten videos are published"; }
jobs=$(curl -s http://127.0.0.1:9099/jobs | grep -o '"id"' | wc -l)
within 60 healthy worker 3 || fail "the killed worker is not back"
say "ten videos are published with $jobs jobs, and a worker that was killed is back ($(docker inspect --format '{{.RestartCount}}' "$victim") restart)"
[ "$jobs" = 10 ] || fail "$jobs jobs for ten videos"

# A lost Redis process keeps its queue: what it wrote is in its volume.
compose restart -t 30 redis >/dev/null 2>&1 || fail "restart of redis"
within 60 healthy redis 1 || fail "redis is not healthy after a restart"
within 60 healthy worker 3 || fail "workers are not healthy after a restart of redis"

began=$(date +%s)
compose stop -t 60 worker >/dev/null 2>&1 || fail "stop"
for id in $(compose ps -q -a worker 2>/dev/null || compose ps -q worker); do
	code=$(docker inspect --format '{{.State.ExitCode}}' "$id")
	[ "$code" = 0 ] || fail "a worker ends with $code after SIGTERM"
done
say "workers drained and ended with 0 in $(($(date +%s) - began)) s"
compose down -v --timeout 60 >/dev/null 2>&1 || fail "down"
left=$(docker ps -aq | wc -l)
[ "$left" = 0 ] || fail "$left containers are left"
say "nothing is left"
