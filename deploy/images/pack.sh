#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Packs a folder as a container image from scratch: a docker-archive tar that every runtime imports.
# usage: pack.sh FOLDER IMAGE ENTRYPOINT USER TAR
# Needs buildah and root; no daemon, and nothing is left of its storage.
set -euo pipefail
[ $# = 5 ] || { echo "usage: pack.sh FOLDER IMAGE ENTRYPOINT USER TAR" >&2; exit 2; }
folder=$1 image=$2 entrypoint=$3 user=$4 tar=$5

storage=$(mktemp -d)
trap 'rm -rf "$storage" "$tar.part"' EXIT
export BUILDAH_ISOLATION=chroot TMPDIR=$storage
store() { command buildah --root "$storage/root" --runroot "$storage/run" --storage-driver vfs "$@"; }

container=$(store from scratch)
store copy -q "$container" "$folder" / >/dev/null
store config --entrypoint "[\"$entrypoint\"]" --user "$user" "$container"
# Without a clock in it, the same content is the same image.
store commit -q --rm --timestamp 0 "$container" "$image" >/dev/null
rm -f "$tar.part"
store push -q "$image" "docker-archive:$tar.part:$image"
mv "$tar.part" "$tar"
