#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A node from its second breath on: mounts, modules, network, sshd; then containerd, kubelet and kube-proxy
# as far as this node has them. Runs as process 1 in the overlay that init.sh made.
# shellcheck source=/dev/null
source "$BAREVIP_NODE_ENV"
export PATH=$KUBERNETES:$CONTAINERD:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
LOGS=$NODE_FOLDER

fail() { echo "node: $*"; halt -f; }

mount_all() {
  mount -t proc proc /proc
  mount -t sysfs sys /sys
  mount -t devtmpfs dev /dev 2>/dev/null || mount -t tmpfs dev /dev
  mkdir -p /dev/pts /dev/shm
  mount -t devpts -o ptmxmode=0666 pts /dev/pts
  mount -t tmpfs shm /dev/shm
  mount -t tmpfs -o mode=755 run /run
  mount -t tmpfs tmp /tmp
  mount -t cgroup2 cgroup /sys/fs/cgroup
  # A home of the node's own: the host's start-up files take seconds on a node.
  mount -t tmpfs -o mode=700 home /root
  # What changes on the host while the node runs must not be seen through the overlay, which is not made for that.
  mkdir -p "$CACHE" "$RUN" "$REPO"
  mount -t hostfs -o "$REPO" repo "$REPO" && mount -o remount,ro,bind "$REPO"
  mount -t hostfs -o "$CACHE" cache "$CACHE" && mount -o remount,ro,bind "$CACHE"
  mount -t hostfs -o "$RUN" run "$RUN" || fail "no run folder"
  umount -l /.host && rmdir /.host
  # Containers see /lib/modules of their node: it must be a folder, no link to elsewhere.
  mkdir -p /usr/lib/modules
  mount -t hostfs -o "$MODULES" modules /usr/lib/modules && mount -o remount,ro,bind /usr/lib/modules
  mount --make-rshared /
}

load_modules() {
  local module
  # What every distribution's node has, and no more: what barevip or kube-proxy need, they load themselves.
  for module in ipv6 nf_conntrack veth bridge br_netfilter nf_tables iptable_nat iptable_filter iptable_mangle \
    ip6table_nat ip6table_filter ip6table_mangle; do
    case $module-$PROXY in ip*table_*-nftables) continue ;; esac
    modprobe "$module" || echo "node: no module $module"
  done
  if [ "$LIGHT" = yes ]; then
    for module in ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh ip_vs_mh dummy xt_ipvs xt_set xt_MASQUERADE xt_comment \
      xt_conntrack xt_connmark xt_mark; do
      modprobe "$module" || echo "node: no module $module"
    done
  fi
}

set_up_network() {
  local i
  hostname "$NODE"
  echo "$NODE" >/etc/hostname
  printf '127.0.0.1 localhost\n::1 localhost\n%s %s\n' "$ADDRESS4" "$NODE" >/etc/hosts
  : >/etc/resolv.conf # no name server: nothing in here asks beyond the LAN
  ip link set lo up
  ip addr add "$ADDRESS4/24" dev "$INTERFACE"
  ip addr add "$ADDRESS6/64" dev "$INTERFACE" nodad
  ip link set "$INTERFACE" up
  ip route add default via "$API_ADDRESS4"
  ip route add default via "$API_ADDRESS6"
  for i in $OTHERS; do
    ip route add "10.244.$i.0/24" via "10.99.0.1$i"
    ip route add "fd00:244:$i::/64" via "fd99::1$i"
  done
  sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
    net.ipv4.conf.default.rp_filter=0 vm.overcommit_memory=1 kernel.panic=10 kernel.panic_on_oops=1
  # Both back ends of iptables are in use in the field: here nft beside an nftables kube-proxy, legacy elsewhere. This is
  # the node's own copy of the alternatives.
  local tool backend=legacy
  [ "$PROXY" != nftables ] || backend=nft
  for tool in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf "/usr/sbin/${tool/tables/tables-$backend}" "/etc/alternatives/$tool"
  done
  if [ "$PROXY" = none ]; then
    # Without kube-proxy a pod still needs its way to the API server, for which alone this stands in.
    for i in PREROUTING OUTPUT; do
      iptables -t nat -A $i -d "$API_SERVICE_ADDRESS" -p tcp --dport 443 -j DNAT --to-destination "$API_ADDRESS4:6443"
    done
  fi
}

start_sshd() {
  mkdir -p /root/.ssh
  chmod 700 /root /root/.ssh
  cp "$RUN/ssh/id.pub" /root/.ssh/authorized_keys
  chmod 600 /root/.ssh/authorized_keys
  dropbear -E -s -j -k -p 22 -r "$RUN/ssh/host_key" 2>"$LOGS/sshd.log"
}

# again NAME COMMAND...: runs it, logs it, and starts it again when it ends, as a service manager would.
again() {
  local name=$1
  shift
  while :; do
    "$@"
    echo "node: $name ended with status $?, starting it again"
    sleep 1
  done >>"$LOGS/$name.log" 2>&1 &
}

start_kube_proxy() {
  again kube-proxy kube-proxy --kubeconfig="$RUN/kubeconfig/kube-proxy.conf" --hostname-override="$NODE" \
    --cluster-cidr="$POD_RANGES" --proxy-mode="$PROXY"
}

start_containerd() {
  local folder archive
  ln -sf "$CONTAINERD/ctr" /usr/bin/ctr
  # The runtime lays overlays itself, which cannot be done on an overlay.
  for folder in /var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log; do
    mkdir -p "$folder"
    mount -t tmpfs -o size=90% tmpfs "$folder"
  done
  mount --make-rshared /var/lib/kubelet
  mkdir -p /etc/cni/net.d
  cat >/etc/cni/net.d/10-test.conflist <<J
{"cniVersion": "1.0.0", "name": "test", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_RANGE4"}], [{"subnet": "$POD_RANGE6"}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
J
  cat >/etc/containerd.toml <<T
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "localhost/barevip-pause:1"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "/etc/containerd/certs.d"
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["$CNI"]
  conf_dir = "/etc/cni/net.d"
T
  mkdir -p "/etc/containerd/certs.d/$REGISTRY"
  printf '[host."http://%s"]\n' "$REGISTRY" >"/etc/containerd/certs.d/$REGISTRY/hosts.toml"
  again containerd containerd -c /etc/containerd.toml
  until ctr version >/dev/null 2>&1; do sleep 0.1; done
  for archive in "$RUN"/images/*.tar; do
    ctr -n k8s.io images import --local "$archive" >>"$LOGS/images.log" 2>&1 || echo "node: cannot import $archive"
  done
}

start_kubelet() {
  # kubelet insists on a clock speed, which this kernel does not show.
  sed '/^model name/a cpu MHz\t\t: 2000.000' /proc/cpuinfo >/run/cpuinfo
  mount --bind /run/cpuinfo /proc/cpuinfo
  echo '+cpu +memory +pids +io' >/sys/fs/cgroup/cgroup.subtree_control
  cat >/etc/kubelet.yaml <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $RUN/pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
nodeStatusUpdateFrequency: 4s
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "10Mi", nodefs.available: "0%", imagefs.available: "0%"}
localStorageCapacityIsolation: false
enforceNodeAllocatable: []
Y
  again kubelet kubelet --config=/etc/kubelet.yaml --kubeconfig="$RUN/kubeconfig/$NODE.conf" \
    --hostname-override="$NODE" --node-ip="$ADDRESS4,$ADDRESS6"
}

mount_all
load_modules
set_up_network
start_sshd
if [ "$LIGHT" = no ]; then
  start_containerd
  start_kubelet
fi
[ "$PROXY" = none ] || start_kube_proxy
echo "node: $NODE is up"
# Process 1 adopts and reaps what loses its parent; the power goes off from outside.
while :; do sleep 3600 & wait $!; done
