import template from '../../templates/lab/host-config.eta';
import { renderYaml } from '../host/template.ts';
import type { Machine } from './machine.ts';
import { HOST_STORE } from './paths.ts';

/** Where kadm looks for a configuration that no flag names. */
export const CONFIG_PATH = '/etc/kadm/config.yaml';

/**
 * The configuration that lab hosts need because of the machine below them: where components are, and what
 * cgroup v1 or a missing CAP_SYS_RESOURCE ask of the runtime, the kubelet and kube-proxy.
 */
export function hostConfig(machine: Machine, hasStore: boolean): string {
  return renderYaml(template, {
    store: hasStore ? HOST_STORE : undefined,
    restrictOOMScoreAdj: !machine.capabilities.includes('SYS_RESOURCE'),
    cgroups: machine.cgroups,
  }).replace(/\n{2,}/g, '\n');
}
