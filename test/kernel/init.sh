#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# First program of the machine that run-in-uml boots: mounts, modules, then the test programs. The root is
# the host's own, read-only; whatever a test writes goes to a tmpfs. BAREVIP_JOB, from the kernel's command
# line, names the file that says what to run; the status goes to the file REPORT/status.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TERM=dumb
if ! mount -t tmpfs run /run || ! mkdir -p /run/report /run/modules/lib/modules; then
  halt -fd
fi
# The job's own folder lies below the host's /tmp: read it before that is covered.
# shellcheck source=/dev/null
source "$BAREVIP_JOB"
mount -t hostfs -o "$REPORT" report /run/report || halt -fd
mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mount -t hostfs -o "$MODULES" modules /run/modules/lib/modules || halt -fd
# Where the kernel asks for a module by itself, it looks in the same folder.
printf '#!/bin/sh\nexec /sbin/modprobe -d /run/modules "$@"\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
for module in ipv6 ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh ip_vs_mh dummy veth; do
  modprobe -d /run/modules "$module" || echo "init: no module $module"
done
# Programs may be below the host's /tmp as well.
for i in "${!PROGRAMS[@]}"; do
  case ${PROGRAMS[i]} in
  /tmp/*)
    cp "${PROGRAMS[i]}" "/run/program-$i"
    PROGRAMS[i]=/run/program-$i
    ;;
  esac
done
mount -t tmpfs tmp /tmp
ip link set lo up

status=0
for program in "${PROGRAMS[@]}"; do
  (cd /tmp && exec timeout -k 5 "$LIMIT" "$program" "${ARGUMENTS[@]}") </dev/null 2>&1
  one=$?
  [ "$status" -ne 0 ] || status=$one
done
echo "$status" >/run/report/status
halt -fd
