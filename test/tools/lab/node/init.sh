#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# First program of a node. The root is the host's own, read-only (hostfs): lay a tmpfs over it, so that
# nothing that a node writes reaches the host, move into that and go on with node.sh.
# BAREVIP_NODE_ENV, from the kernel's command line, is the file with this node's settings.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
# shellcheck source=/dev/null
source "$BAREVIP_NODE_ENV"

fail() { echo "init: $*"; halt -f; }

mount -t tmpfs -o size=90% over /mnt || fail "no tmpfs on /mnt"
mkdir -p /mnt/upper /mnt/work /mnt/root /mnt/modules/lib
ln -s "$MODULES" /mnt/modules/lib/modules
modprobe -d /mnt/modules overlay || fail "the module overlay is missing in $MODULES: remove that build and make the cluster again"
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work over /mnt/root || fail "no overlay over the host's root"
cd /mnt/root || fail "no new root"
mkdir -p .host
pivot_root . .host || fail "cannot move to the new root"
exec chroot . /bin/bash "$LAB/node/node.sh"
