#!/bin/sh
# install ARTIFACT
#
# An example of a sub-updater: swaps a directory between two slots, A and B. The slot that is not in use
# is filled; a link, moved in one step, then makes it the one in use, so that a power cut leaves the old
# release or the new one. Run again for the same Artifact it does what is still to be done, and nothing
# twice. Copy it to /usr/share/mender/install and change what stands in the first lines.
#
# Before the swap, and before it stays, update control is asked: "flow wait" returns once it lets it pass.
set -u
root=${MENDER_ROOT:-}
mender_deno=${MENDER_DENO:-mender-deno}
app=$root/opt/my-app # current -> a or b
data=$root/var/lib/mender
info=$root/etc/mender/artifact_info
artifact=$1
work=$data/unpacked

# Whether the new release works; the old one comes back when it does not.
is_healthy() {
  [ -n "$(ls -A "$app/current/")" ]
}

fail() {
  echo "failed: $1" >&2
  rm -rf "$work"
  report --failure --message "$1"
  exit 1
}

report() {
  # With any other exit code the lock stays: after 3 the daemon delivers, and removes it.
  # shellcheck disable=SC2086
  $mender_deno ${root:+--root "$root"} report "$@" && rm -f "$data/update.lock"
}

may_pass() {
  # shellcheck disable=SC2086
  $mender_deno ${root:+--root "$root"} flow wait "$1"
}

swap_to() {
  ln -sfn "$1" "$app/current.new" && mv -T "$app/current.new" "$app/current" && sync
}

rm -rf "$work"
mkdir -p "$work" "$app" && tar -xf "$artifact" -C "$work" || fail "the Artifact cannot be unpacked"
name=$(tar -xOf "$work"/header.tar* header-info | sed -n 's/.*"artifact_name":"\([^"]*\)".*/\1/p')
[ -n "$name" ] || fail "the Artifact has no name"

old=$(readlink "$app/current" 2>/dev/null)
case $old in a) new=b ;; *) new=a ;; esac

if [ "$(cat "$app/${old:-none}.name" 2>/dev/null)" != "$name" ]; then
  rm -rf "${app:?}/$new" "$app/$new.name"
  mkdir -p "$app/$new" && tar -xf "$work"/data/0000.tar* -C "$app/$new" &&
    echo "$name" >"$app/$new.name" && sync || fail "the payload cannot be unpacked"
  may_pass ArtifactReboot_Enter || fail "update control does not let it pass"
  swap_to "$new" || fail "the slots cannot be swapped"
fi

if ! is_healthy || ! may_pass ArtifactCommit_Enter; then
  [ -z "$old" ] || swap_to "$old"
  fail "the new release does not work, or was not let pass; the old one is back"
fi

echo "artifact_name=$name" >"$info.new" && sync && mv "$info.new" "$info" ||
  fail "artifact_info cannot be written"
rm -rf "$work"
report --success
