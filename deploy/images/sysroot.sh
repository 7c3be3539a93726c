#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unpacks Debian packages of another architecture into a folder: what programs are cross-compiled against and what
# build.sh copies into images. This machine's own packages stay as they are: libyaml-cpp-dev and others
# of Debian 12 cannot be installed for two architectures at a time.
# usage: sysroot.sh [--is-current] ARCHITECTURE FOLDER
# --is-current only tells, by its exit status, whether FOLDER has it all.
# Uses this machine's list of Debian mirrors. Needs no root. FOLDER gets var/lib/dpkg/{status,info} of what it has.
set -euo pipefail
check=
[ "${1:-}" != --is-current ] || { check=yes; shift; }
[ $# = 2 ] || { echo "usage: deploy/images/sysroot.sh ARCHITECTURE FOLDER (for example: arm64 /tmp/sysroot)" >&2; exit 2; }
architecture=$1 folder=$2
packages=(
  # What the programs are compiled against: those of test/packages.txt.
  libarchive-dev libboost-dev libcap-dev libcli11-dev libcpprest-dev libexpected-dev libnl-3-dev libnl-genl-3-dev
  libnl-route-3-dev libspdlog-dev libssl-dev libyaml-cpp-dev nlohmann-json3-dev libc6-dev libstdc++-12-dev
  # What the images have beside the programs.
  base-files kmod nftables)
key=$(sha256sum "${BASH_SOURCE[0]}" | cut -c1-64)
[ "$(cat "$folder/complete" 2>/dev/null)" != "$key" ] || exit 0
[ -z "$check" ] || exit 1

part=$folder.$$.part
mkdir -p "$part"/apt/{lists/partial,archives/partial} "$part/root/var/lib/dpkg/info"
trap 'rm -rf "$part"' EXIT
: >"$part/apt/status"
apt=(apt-get -q -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture" -o APT::Sandbox::User=
     -o "Dir::State=$part/apt" -o "Dir::State::status=$part/apt/status" -o "Dir::Cache=$part/apt")
"${apt[@]}" update
"${apt[@]}" install -y --download-only --no-install-recommends "${packages[@]}"

# /lib and its like are links into /usr, as on every Debian 12, before any package is unpacked over them.
root=$part/root
for name in bin sbin lib lib64; do
  mkdir -p "$root/usr/$name"
  ln -s "usr/$name" "$root/$name"
done
for archive in "$part"/apt/archives/*.deb; do
  package=$(dpkg-deb -f "$archive" Package)
  dpkg-deb --fsys-tarfile "$archive" | tar -xv -C "$root" --keep-directory-symlink |
    sed 's#^\.##; s#/$##' >"$root/var/lib/dpkg/info/$package.list"
  { dpkg-deb -f "$archive" | sed 's/^Package:.*/&\nStatus: install ok unpacked/'; echo; } >>"$root/var/lib/dpkg/status"
done
# A link to /lib/... would lead to this machine's own library.
find "$root" -type l -lname '/*' -printf '%p %l\n' | while read -r link target; do ln -sfnr "$root$target" "$link"; done
echo "$key" >"$root/complete"
rm -rf "$folder"
mv "$root" "$folder"
