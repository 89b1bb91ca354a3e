#!/bin/sh
# Records what the real clients store and send, into a new directory:
#   record_peers.sh OUT [PYTHON SRC]
# OUT/mender_3_4 from the mender on the PATH, OUT/python_client from SRC (the directory "src" of
# mender-python-client) run by PYTHON. Needs root: the clients read fixed paths, which are mounted over
# in a private mount namespace.
set -e
HERE=$(cd "$(dirname "$0")" && pwd)
OUT=$(mkdir -p "$1" && cd "$1" && pwd)

# run DIRECTORY PORT COMMAND...
run() {
  dir=$1 port=$2
  shift 2
  deno run -A "$HERE/record_requests.ts" "$port" "$dir" &
  recorder=$!
  trap 'kill $recorder' EXIT
  until curl -s "http://127.0.0.1:$port/" >/dev/null; do sleep 0.2; done
  mkdir -p "$OUT/mnt/identity" "$OUT/mnt/inventory" "$OUT/mnt/etc"
  cp -p "$HERE/peer_scripts/mender-device-identity" "$OUT/mnt/identity/"
  cp -p "$HERE/peer_scripts/mender-inventory-net" "$OUT/mnt/inventory/"
  cp "$HERE/peer_scripts/artifact_info" "$OUT/mnt/etc/"
  unshare -m sh -c '
    mount --bind "$0/mnt/identity" /usr/share/mender/identity
    mount --bind "$0/mnt/inventory" /usr/share/mender/inventory
    mount --bind "$0/mnt/etc" /etc/mender
    exec timeout 12 "$@"' "$OUT" "$@" || true
  kill "$recorder"
  trap - EXIT
}

go=$OUT/mender_3_4
mkdir -p "$go/data"
cp "$HERE/mender_3_4/mender.conf" "$HERE/mender_3_4/data/device_type" "$go/data/"
run "$go" 18082 mender --config "$go/data/mender.conf" --fallback-config NONE --data "$go/data" \
  --no-syslog daemon

[ $# -ge 3 ] || exit 0
python=$OUT/python_client
mkdir -p "$python/data"
cp "$HERE/python_client/data/mender.conf" "$HERE/python_client/data/device_type" "$python/data/"
cd "$3"
run "$python" 18081 "$2" -m mender.mender --data "$python/data" --no-syslog daemon
