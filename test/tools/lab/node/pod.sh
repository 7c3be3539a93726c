#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pod without a kubelet, on a light node: a network namespace on a bridge as the CNI of full nodes makes it,
# with the backend serving in it.
# usage: pod.sh add NODE NUMBER NAME PROGRAM LOG    prints the addresses
#        pod.sh delete NAME
set -euo pipefail

add() {
  local node=$1 number=$2 name=$3 program=$4 log=$5 host=2 end
  if ! ip link show cni0 >/dev/null 2>&1; then
    ip link add cni0 type bridge
    ip addr add "10.244.$number.1/24" dev cni0
    ip addr add "fd00:244:$number::1/64" dev cni0 nodad
    ip link set cni0 up
  fi
  ip netns add "$name"
  while ! (set -o noclobber && echo "$name" >"/run/pod-address-$host") 2>/dev/null; do host=$((host + 1)); done
  end=pod$host
  ip link add "$end" type veth peer name eth0 netns "$name"
  ip link set "$end" master cni0 up
  bridge link set dev "$end" hairpin on
  ip -n "$name" link set lo up
  ip -n "$name" addr add "10.244.$number.$host/24" dev eth0
  ip -n "$name" addr add "fd00:244:$number::$(printf %x "$host")/64" dev eth0 nodad
  ip -n "$name" link set eth0 up
  ip -n "$name" route add default via "10.244.$number.1"
  ip -n "$name" route add default via "fd00:244:$number::1"
  POD_NAME=$name NODE_NAME=$node setsid ip netns exec "$name" "$program" >>"$log" 2>&1 </dev/null &
  until ip netns exec "$name" nc -z 127.0.0.1 8080; do sleep 0.02; done
  echo "10.244.$number.$host fd00:244:$number::$(printf %x "$host")"
}

delete() {
  local name=$1 pids
  pids=$(ip netns pids "$name")
  # shellcheck disable=SC2086 # one word per process
  [ -z "$pids" ] || kill -9 $pids
  ip netns del "$name"
  grep -lx "$name" /run/pod-address-* | xargs -r rm
}

"$@"
