import type { KeyAlgorithm } from '../../src/pki/keys.ts';
import { type BenchHost, type BenchSetting, firstOf, onFreshHosts } from './bench-lab.ts';
import { measureFloor } from './floor.ts';
import { installKubeadm, KUBEADM_INIT } from './kubeadm.ts';
import { type PhaseTime, phaseTimes } from './phase-times.ts';
import { flush, prepareControlPlaneFiles, prepareHost } from './prepared-host.ts';

const LAB = 'bench-init';
const KUBECTL = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'] as const;
const TOOLS = ['kubeadm', 'kadm', 'kubeadmEcdsa'] as const;
const CONTROL_PLANE_TAINT = 'node-role.kubernetes.io/control-plane';

type What = 'floor' | (typeof TOOLS)[number];

/** Seconds of each run, and of kadm's runs where the time went. */
export interface InitFigures {
  readonly floor: readonly number[];
  /** With its defaults, RSA-2048 keys among them. */
  readonly kubeadm: readonly number[];
  /** With keys as kadm makes them: how much of the difference is not theirs. */
  readonly kubeadmEcdsa: readonly number[];
  readonly kadm: readonly number[];
  readonly phases: readonly (readonly PhaseTime[])[];
}

/**
 * `kubeadm init` and `kadm init` in alternation, and the floor, each on a host of its own that was prepared
 * alike. Who goes first changes from run to run.
 */
export async function benchInit(setting: BenchSetting, runs: number): Promise<InitFigures> {
  const figures = { floor: [], kubeadm: [], kubeadmEcdsa: [], kadm: [] } as Record<What, number[]>;
  const phases: PhaseTime[][] = [];
  const once = {
    floor: async (host: BenchHost): Promise<number> => {
      await prepareControlPlaneFiles(host);
      return await measureFloor(host);
    },
    kubeadm: async (host: BenchHost): Promise<number> => await kubeadmInit(host, setting.store),
    kubeadmEcdsa: async (host: BenchHost): Promise<number> =>
      await kubeadmInit(host, setting.store, 'ECDSA-P256'),
    kadm: async (host: BenchHost): Promise<number> => {
      const { seconds, times } = await kadmInit(host);
      phases.push(times);
      return seconds;
    },
  };
  for (let run = 1; run <= runs; run += 1) {
    for (const what of ['floor', ...(run % 2 === 1 ? TOOLS : TOOLS.toReversed())] as const) {
      const seconds = await onFreshHosts(setting, LAB, 1, async (hosts) => await once[what](firstOf(hosts)));
      figures[what].push(seconds);
      setting.say(`init, run ${run} of ${runs}: ${what} ${seconds.toFixed(2)} s`);
    }
  }
  return { ...figures, phases };
}

async function kubeadmInit(host: BenchHost, store: string, algorithm?: KeyAlgorithm): Promise<number> {
  await prepareHost(host);
  await installKubeadm(host, store, algorithm);
  await flush(host);
  const { seconds } = await host.time(KUBEADM_INIT);
  await demandControlPlane(host);
  return seconds;
}

async function kadmInit(host: BenchHost): Promise<{ seconds: number; times: PhaseTime[] }> {
  await prepareHost(host);
  const { seconds, stdout } = await host.time(['kadm', 'init', '--output', 'json']);
  await demandControlPlane(host);
  return { seconds, times: phaseTimes(stdout) };
}

/** A run counts only if it made what the other one makes. @throws CommandError naming what is missing */
async function demandControlPlane(host: BenchHost): Promise<void> {
  await host.run([...KUBECTL, 'get', '--raw', '/readyz']);
  const inSystem = [
    'deployment/coredns',
    'service/kube-dns',
    'daemonset/kube-proxy',
    'configmap/kubeadm-config',
    'configmap/kubelet-config',
  ];
  await host.run([...KUBECTL, '--namespace', 'kube-system', 'get', ...inSystem]);
  await host.run([...KUBECTL, '--namespace', 'kube-public', 'get', 'configmap/cluster-info']);
  const { stdout } = await host.run([
    ...KUBECTL,
    'get',
    'nodes',
    '--output',
    'jsonpath={.items[*].spec.taints[*].key}',
  ]);
  if (!stdout.split(' ').includes(CONTROL_PLANE_TAINT)) {
    throw new Error(`${host.name} is no control plane: its node has the taints ${JSON.stringify(stdout)}`);
  }
}
