/**
 * Kernel settings that a kubelet insists on, or sets itself where it may (pkg/kubelet/cm of Kubernetes,
 * setupKernelTunables). They are the machine's: containers share them.
 */
export const KUBELET_SYSCTLS: Readonly<Record<string, string>> = {
  'vm.overcommit_memory': '1',
  'vm.panic_on_oom': '0',
  'kernel.panic': '10',
  'kernel.panic_on_oops': '1',
  'kernel.keys.root_maxkeys': '1000000',
  'kernel.keys.root_maxbytes': '25000000',
};
