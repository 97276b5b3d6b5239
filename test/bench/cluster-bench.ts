import { clusterFile } from '../../src/lab/cluster/nodes.ts';
import { KADM_PATH } from '../../src/node/components.ts';
import { type BenchHost, type BenchSetting, firstOf, onFreshHosts } from './bench-lab.ts';
import { CLUSTER_SCRIPT, stageKubeadm } from './kubeadm-stage.ts';
import { untilReady, untilTrafficFlows } from './pod-traffic.ts';
import { flush } from './prepared-host.ts';

const LAB = 'bench-cluster';
const NODES = 3;
const CLUSTER_FILE = '/root/cluster.yaml';

/** Seconds from bare hosts until all nodes are Ready, and until pods on all of them reach each other. */
export interface ClusterRun {
  readonly ready: number;
  readonly traffic: number;
}

export interface ClusterFigures {
  readonly script: readonly ClusterRun[];
  readonly kadm: readonly ClusterRun[];
}

/** The shell script and kadm in alternation, each on three bare hosts; who goes first changes from run to run. */
export async function benchCluster(setting: BenchSetting, runs: number): Promise<ClusterFigures> {
  const figures = { script: [] as ClusterRun[], kadm: [] as ClusterRun[] };
  const once = { script: byScript, kadm: byKadm };
  for (let run = 1; run <= runs; run += 1) {
    const order = run % 2 === 1 ? (['script', 'kadm'] as const) : (['kadm', 'script'] as const);
    for (const what of order) {
      const result = await onFreshHosts(setting, LAB, NODES, (hosts) => once[what](hosts, setting));
      figures[what].push(result);
      const times = `Ready ${result.ready.toFixed(2)} s, traffic ${result.traffic.toFixed(2)} s`;
      setting.say(`cluster, run ${run} of ${runs}: ${what} ${times}`);
    }
  }
  return figures;
}

async function byScript(hosts: readonly BenchHost[], { store }: BenchSetting): Promise<ClusterRun> {
  const first = firstOf(hosts);
  await stageKubeadm(first, store);
  return await measure(hosts, async () => {
    await first.run([CLUSTER_SCRIPT, ...hosts.slice(1).map(({ name }) => name)]);
  });
}

async function byKadm(hosts: readonly BenchHost[]): Promise<ClusterRun> {
  const first = firstOf(hosts);
  // Labs have kadm on every host; a real worker gets it by the join, and that takes time.
  await Promise.all(hosts.slice(1).map((host) => host.run(['rm', KADM_PATH])));
  await first.writeFile(CLUSTER_FILE, await clusterFile(hosts));
  return await measure(hosts, async () => {
    await first.run(['kadm', 'up', '-f', CLUSTER_FILE]);
  });
}

async function measure(hosts: readonly BenchHost[], work: () => Promise<void>): Promise<ClusterRun> {
  await flush(firstOf(hosts));
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  await work();
  await untilReady(hosts);
  const ready = elapsed();
  await untilTrafficFlows(hosts);
  return { ready, traffic: elapsed() };
}
