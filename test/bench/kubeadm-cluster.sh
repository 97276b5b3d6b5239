#!/bin/bash
# A cluster by kubeadm and a network made by hand, as somebody would script it who knows both well: what can
# run at once does, nothing is copied twice, no step waits for more than it needs. Runs on the first host.
#
# Usage: kubeadm-cluster.sh WORKER...        (names that SSH as root reaches)
# The folder of this script holds:
#   programs/   programs below the paths where they are to be installed
#   files/      configuration and units, likewise
#   images/all/ and images/control-plane/      image archives
#   kubeadm.yaml
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
master=$(hostname)
workers=("$@")
pods=10.244.0.0/16
ignore=--ignore-preflight-errors=SystemVerification
export KUBECONFIG=/etc/kubernetes/admin.conf

# One connection a host, shared by all commands.
ssh_options=(-o BatchMode=yes -o ControlMaster=auto -o ControlPath=/run/bench-ssh-%h -o ControlPersist=60)
on() {
  local host=$1
  shift
  if [ "$host" = "$master" ]; then bash -c "$*"; else ssh "${ssh_options[@]}" "root@$host" "$*"; fi
}

# Waits for each of these jobs; ends the script when one has failed.
all() { for job in "$@"; do wait "$job"; done; }

install_files() {
  tar -C "$here/programs" -ch --mode=755 . | on "$1" tar -C / -x
  tar -C "$here/files" -ch . | on "$1" tar -C / -x
  on "$1" 'modprobe -a overlay br_netfilter 2> /dev/null || true
    sysctl -q -p /etc/sysctl.d/90-kubernetes.conf
    systemctl daemon-reload
    systemctl -q enable kubelet.service
    systemctl -q enable --now containerd.service'
}

import_images() {
  local host=$1 jobs=()
  shift
  for image in "$@"; do
    if [ "$host" = "$master" ]; then
      ctr -n k8s.io images import --local "$image" > /dev/null &
    else
      on "$host" ctr -n k8s.io images import - > /dev/null < "$image" &
    fi
    jobs+=($!)
  done
  all "${jobs[@]}"
}

prepare_worker() {
  install_files "$1"
  import_images "$1" "$here"/images/all/*
}

init() {
  install_files "$master"
  import_images "$master" "$here"/images/all/* "$here"/images/control-plane/*
  kubeadm init --config "$here/kubeadm.yaml" "$ignore" | tee "$here/init.log"
}

pod_cidr() {
  until kubectl get node "$1" -o 'jsonpath={.spec.podCIDR}' 2> /dev/null | grep .; do sleep 0.1; done
}

address_of() { getent ahostsv4 "$1" | awk 'NR == 1 { print $1 }'; }

# The addresses of nodes tell their devices apart, so that each knows the others' without asking.
mac_of() { printf '02:42:%02x:%02x:%02x:%02x' $(tr . ' ' <<< "$1"); }

base_of() { echo "${1%/*}"; }

# The tunnel of one node, its peers, masquerading, and last the configuration that makes the node Ready.
network_script() {
  local self=$1 own=${cidrs[$1]} own_address=${addresses[$1]}
  echo "set -e
    ip link add vxlan1 address $(mac_of "$own_address") mtu 1450 type vxlan id 1 dstport 8472 local $own_address nolearning
    ip address add $(base_of "$own")/32 dev vxlan1
    ip link set vxlan1 up
    iptables -t nat -A POSTROUTING -s $pods ! -d $pods -j MASQUERADE"
  for peer in "${!cidrs[@]}"; do
    [ "$peer" = "$self" ] && continue
    local base mac
    base=$(base_of "${cidrs[$peer]}") mac=$(mac_of "${addresses[$peer]}")
    echo "ip neigh add $base lladdr $mac dev vxlan1 nud permanent
      bridge fdb append $mac dev vxlan1 dst ${addresses[$peer]}
      ip route add ${cidrs[$peer]} via $base dev vxlan1 onlink"
  done
  echo "mkdir -p /etc/cni/net.d
    cat > /etc/cni/net.d/.10-bench.conflist <<'END'
{ \"cniVersion\": \"1.0.0\", \"name\": \"bench\", \"plugins\": [
  { \"type\": \"bridge\", \"bridge\": \"cni0\", \"mtu\": 1450, \"isDefaultGateway\": true, \"hairpinMode\": true,
    \"ipam\": { \"type\": \"host-local\", \"ranges\": [[{ \"subnet\": \"$own\" }]] } },
  { \"type\": \"portmap\", \"capabilities\": { \"portMappings\": true } } ] }
END
    mv /etc/cni/net.d/.10-bench.conflist /etc/cni/net.d/10-bench.conflist"
}

prepared=()
for worker in "${workers[@]}"; do
  prepare_worker "$worker" &
  prepared+=($!)
done
init
all "${prepared[@]}"

join=$(grep -A 1 '^kubeadm join' "$here/init.log" | tr -d '\\\n')
jobs=()
for worker in "${workers[@]}"; do
  on "$worker" "$join $ignore" &
  jobs+=($!)
done
all "${jobs[@]}"

declare -A cidrs addresses
for host in "$master" "${workers[@]}"; do
  cidrs[$host]=$(pod_cidr "$host")
  addresses[$host]=$(address_of "$host")
done
jobs=()
for host in "${!cidrs[@]}"; do
  on "$host" "$(network_script "$host")" &
  jobs+=($!)
done
all "${jobs[@]}"
kubectl wait node --all --for=condition=Ready --timeout=120s
