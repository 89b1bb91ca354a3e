#!/bin/sh
# Written by "mender-deno setup".
if [ -w /var/cache/mender-deno ]; then
  export DENO_DIR="${DENO_DIR:-/var/cache/mender-deno}"
fi
exec @PROGRAM@ "$@"
