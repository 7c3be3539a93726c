#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the images of barevip from its programs and what they need of this machine's Debian: shared libraries,
# and for the node the tools of iptables and ipset and modprobe. No shell, no package manager.
# usage: build.sh BIN_DIR OUT_DIR
# BIN_DIR has barevip-operator and barevip-node; OUT_DIR gets barevip-operator.tar and barevip-node.tar
# (docker-archive). BAREVIP_IMAGE_PREFIX (localhost) and BAREVIP_IMAGE_TAG (0.1.0) name the images.
set -euo pipefail
[ $# = 2 ] || { echo "usage: deploy/images/build.sh BIN_DIR OUT_DIR" >&2; exit 2; }
bin=$1 out=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=${BAREVIP_IMAGE_PREFIX:-localhost} tag=${BAREVIP_IMAGE_TAG:-0.1.0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# add_libraries ROOT FILE...: copies what the dynamic linker loads for the files, to where it looks for it.
add_libraries() {
  local root=$1 library
  shift
  ldd "$@" 2>/dev/null | sed -nE 's#^.*[[:space:]](/[^ ]+) \(0x[0-9a-f]+\)$#\1#p' | sort -u |
    while read -r library; do
      [ -e "$root$library" ] || install -D "$library" "$root$library"
    done
}

# add_tool ROOT FILE [NAME...]: a tool of this machine at its own path, and further names for it beside it.
add_tool() {
  local root=$1 tool=$2 name
  shift 2
  [ -x "$tool" ] || { echo "build.sh: $tool is missing: run test/setup" >&2; exit 1; }
  install -D "$tool" "$root$tool"
  for name in "$@"; do ln -s "$(basename "$tool")" "$root$(dirname "$tool")/$name"; done
}

# start_root ROOT PROGRAM: folders, users and the program itself, without its symbols.
start_root() {
  local root=$1 program=$2
  mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,etc,tmp,run}
  chmod 1777 "$root/tmp"
  # As on the machine that the programs were built on, /lib is /usr/lib.
  ln -s usr/bin "$root/bin"
  ln -s usr/sbin "$root/sbin"
  ln -s usr/lib "$root/lib"
  ln -s usr/lib64 "$root/lib64"
  printf 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"
  install "$bin/$program" "$root/usr/bin/$program"
  strip "$root/usr/bin/$program"
}

# finish ROOT PROGRAM USER
finish() {
  "$here/pack.sh" "$1" "$prefix/$2:$tag" "/usr/bin/$2" "$3" "$out/$2.tar"
  echo "$prefix/$2:$tag  $(du -sb "$1" | awk '{printf "%.1f MiB", $1 / 1048576}')  $out/$2.tar"
}

for program in barevip-operator barevip-node; do
  [ -x "$bin/$program" ] || { echo "build.sh: there is no $bin/$program: build it first" >&2; exit 1; }
done
mkdir -p "$out"

start_root "$work/operator" barevip-operator
add_libraries "$work/operator" "$bin/barevip-operator"
finish "$work/operator" barevip-operator 65532

node=$work/node
start_root "$node" barevip-node
xtables=$(dirname "$(find /usr/lib -name libxt_conntrack.so | head -n 1)")
mkdir -p "$node$xtables"
# All of them: a listing of rules fails on one whose extension is unknown, and a node's rules are not all ours.
cp -a "$xtables"/*.so "$node$xtables/"
for kind in legacy nft; do
  add_tool "$node" "/usr/sbin/xtables-$kind-multi" {iptables,ip6tables}-"$kind"{,-save,-restore}
done
add_tool "$node" /usr/sbin/ipset
# ipset reads and writes protocols by the names that it finds here.
printf 'icmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\nsctp 132 SCTP\n' >"$node/etc/protocols"
add_tool "$node" /usr/bin/kmod
ln -s ../bin/kmod "$node/usr/sbin/modprobe"
add_libraries "$node" "$bin/barevip-node" /usr/sbin/xtables-{legacy,nft}-multi /usr/sbin/ipset /usr/bin/kmod "$xtables"/*.so
finish "$node" barevip-node 0
