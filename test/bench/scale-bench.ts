import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { KubeClient } from '../../src/kube/client.ts';
import { credentialsFrom } from '../../src/pki/kubeconfig.ts';
import { type IdleCost, idleCost } from './agent-cost.ts';
import { type BenchHost, type BenchSetting, onFreshHosts } from './bench-lab.ts';
import { EntryNews } from './entry-news.ts';
import { quietCluster } from './quiet-cluster.ts';
import { announcedAs, type NodeObject, type ScaleEntry, scaleEntry, scaleNode } from './scale-node.ts';

const LAB = 'bench-scale';
/** Room for 8,192 nodes. */
const POD_CIDR = '10.128.0.0/11';
const NODES = 5_000;
const HOSTS = 3;
const GHOSTS = NODES - HOSTS;
const CHANGES = 200;
const CHANGE_PAUSE_MS = 100;
const BURST = 1_000;
const BURST_MS = 10_000;
const IDLE_MS = 90_000;
/** After a start, until what is only done once is over. */
const SETTLE_MS = 20_000;
const TIMEOUT_MS = 60_000;
const ADMIN = '/etc/kubernetes/admin.conf';

interface SyncFigures {
  readonly entries: number;
  /** Seconds of each run: one batch of each tool, without any agent. */
  readonly byHand: readonly number[];
  /** The agent's reconciliation, from the Nodes until the kernel has them all. */
  readonly made: readonly number[];
  /** And until the agent has read the kernel again and found them. */
  readonly reconciled: readonly number[];
  /** The agent from its start until READY: with the list of all Nodes. */
  readonly ready: readonly number[];
}

export interface ScaleFigures {
  readonly nodes: number;
  /** Bytes of one Node object as the API server sends it. */
  readonly nodeBytes: number;
  readonly sync: SyncFigures;
  /** Milliseconds from the API server's answer to the kernel's last news. */
  readonly changes: readonly number[];
  /** News of other nodes' entries meanwhile. */
  readonly othersTouched: number;
  readonly burst: BurstFigures;
  readonly idle: { readonly worker: IdleCost; readonly master: IdleCost; readonly large: IdleCost };
}

interface BurstFigures {
  readonly changes: number;
  /** How long it took the API server to take them. */
  readonly seconds: number;
  /** From the last answer until the kernel had the last one. */
  readonly settledMs: number;
  /** Changes that the kernel did not have at the end. */
  readonly lost: number;
}

/**
 * The agent of a worker in a cluster of three nodes, then with 5,000 Nodes: etcd and the API server as kadm set them
 * up, all else of the cluster stopped, and Nodes that no machine stands behind, copies of the worker's.
 */
export async function benchScale(setting: BenchSetting, runs: number): Promise<ScaleFigures> {
  return await onFreshHosts(setting, LAB, HOSTS, async (hosts) => {
    const [master, worker, third] = hosts;
    if (master === undefined || worker === undefined || third === undefined) throw new Error('too few hosts');
    await master.run(['kadm', 'init', '--pod-network-cidr', POD_CIDR]);
    await master.run(['kadm', 'join', '--ssh', `root@${worker.name}`, '--ssh', `root@${third.name}`]);
    await quietCluster(hosts, ['etcd', 'kube-apiserver']);
    setting.say(`scale: idle with ${HOSTS} nodes`);
    await sleep(SETTLE_MS);
    const [small, ofMaster] = await Promise.all([idleCost(worker, IDLE_MS), idleCost(master, IDLE_MS)]);
    const client = new KubeClient(credentialsFrom(await master.readFile(ADMIN)));
    try {
      const model = await client.get<NodeObject>(`/api/v1/nodes/${worker.name}`);
      setting.say(`scale: making ${GHOSTS} Nodes`);
      // What these say is only read by the one that is measured.
      for (const host of hosts) await host.run(['systemctl', 'stop', 'kadm-agent']);
      await makeNodes(client, model);
      const nodeBytes = (await client.text('/api/v1/nodes/scale-1')).length;
      const sync = await measureSync(worker, setting, runs);
      const changed = await measureChanges(client, worker, setting);
      const burst = await measureBurst(client, worker, setting);
      setting.say(`scale: idle with ${NODES} nodes`);
      await sleep(SETTLE_MS);
      const large = await idleCost(worker, IDLE_MS);
      const idle = { worker: small, master: ofMaster, large };
      return { nodes: NODES, nodeBytes, sync, ...changed, burst, idle };
    } finally {
      client.close();
    }
  });
}

async function makeNodes(client: KubeClient, model: NodeObject): Promise<void> {
  const limit = pLimit(8);
  const indexes = Array.from({ length: GHOSTS }, (_, index) => index + 1);
  await limit.map(indexes, (index) => client.create('/api/v1/nodes', scaleNode(model, index)));
}

/** The same entries in turn by hand and by the agent, each time on a host that has none. */
async function measureSync(host: BenchHost, { say }: BenchSetting, runs: number): Promise<SyncFigures> {
  await emptyKernel(host);
  const batches = batchesIn((await host.run(['kadm', 'agent', '--once', '--dry-run'])).stdout);
  const entries = batches.reduce((sum, { lines }) => sum + lines.length, 0);
  for (const [index, { lines }] of batches.entries())
    await host.writeFile(`/root/batch-${index}`, lines.map((line) => `${line}\n`).join(''));
  const script = [
    'begun=$(date +%s%N)',
    ...batches.map(({ tool }, index) => `${tool} -force -batch /root/batch-${index}`),
    'echo $(( $(date +%s%N) - begun ))',
  ].join('; ');
  const figures = {
    byHand: [] as number[],
    made: [] as number[],
    reconciled: [] as number[],
    ready: [] as number[],
  };
  for (let run = 1; run <= runs; run += 1) {
    await host.run(['systemctl', 'stop', 'kadm-agent']);
    await emptyKernel(host);
    figures.byHand.push(Number((await host.run(['bash', '-e', '-c', script])).stdout) / 1e9);
    await emptyKernel(host);
    const since = Date.now();
    // Returns with READY, after the first whole reconciliation.
    const { seconds: ready } = await host.time(['systemctl', 'start', 'kadm-agent']);
    figures.ready.push(ready);
    const { made, checked } = await secondsToldBy(host, since, entries);
    figures.made.push(made);
    figures.reconciled.push(checked);
    const byHand = figures.byHand.at(-1) ?? 0;
    say(
      `scale, run ${run} of ${runs}: ${entries} entries by hand ${byHand.toFixed(2)} s, by the agent ${made.toFixed(2)} s, read again ${checked.toFixed(2)} s, ready after ${ready.toFixed(2)} s`,
    );
  }
  return { entries, ...figures };
}

async function emptyKernel(host: BenchHost): Promise<void> {
  await host.run([
    'sh',
    '-c',
    'ip link delete flannel.1; ip link delete cni0; nft delete table ip kadm; true',
  ]);
}

/** The batches of `ip` and `bridge` in what `kadm agent --once --dry-run` prints. */
function batchesIn(plan: string): { tool: string; lines: string[] }[] {
  const batches: { tool: string; lines: string[] }[] = [];
  let open = false;
  for (const line of plan.split('\n')) {
    const tool = /^(ip|bridge) -force -batch/.exec(line)?.[1];
    if (tool !== undefined) batches.push({ tool, lines: [] });
    else if (open && line.startsWith('  ')) batches.at(-1)?.lines.push(line.trim());
    open = tool !== undefined || (open && line.startsWith('  '));
  }
  return batches;
}

/** How long the agent says that so many entries took it. */
async function secondsToldBy(
  host: BenchHost,
  since: number,
  entries: number,
): Promise<{ made: number; checked: number }> {
  const from = `--since=@${(since / 1000).toFixed(3)}`;
  const { stdout } = await host.run(['journalctl', '--unit=kadm-agent', '--output=cat', '--no-pager', from]);
  for (const line of stdout.split('\n').filter((text) => text.includes('"brought up to date"'))) {
    const { steps, ms, madeMs } = JSON.parse(line) as { steps: number; ms: number; madeMs: number };
    if (steps >= entries) return { made: madeMs / 1000, checked: ms / 1000 };
  }
  throw new Error(`the agent does not say that it made ${entries} entries:\n${stdout}`);
}

/** The Node's tunnel ends on another machine from now on. */
async function move(client: KubeClient, index: number, turn: number): Promise<ScaleEntry> {
  const entry = scaleEntry(index, turn);
  const patch = { metadata: { annotations: announcedAs(entry) } };
  await client.patch(`/api/v1/nodes/${entry.name}`, patch, 'application/merge-patch+json');
  return entry;
}

function entriesOf({ base, mac, publicIp }: ScaleEntry): string[] {
  return [
    `[NEIGH]${base} dev flannel.1 lladdr ${mac} PERMANENT`,
    `[NEIGH]${publicIp} dev flannel.1 lladdr ${mac} NOARP PERMANENT`,
  ];
}

/** One Node after the other, each another one. */
async function measureChanges(
  client: KubeClient,
  host: BenchHost,
  { say }: BenchSetting,
): Promise<Pick<ScaleFigures, 'changes' | 'othersTouched'>> {
  await sleep(SETTLE_MS);
  const news = new EntryNews(host.netns);
  try {
    await sleep(1_000);
    const changes: number[] = [];
    let othersTouched = 0;
    for (let turn = 1; turn <= CHANGES; turn += 1) {
      const index = 1 + ((turn * 23) % GHOSTS);
      news.forget();
      const entry = await move(client, index, turn);
      const answered = performance.now();
      // It may be faster than the answer.
      changes.push(Math.max(0, (await news.timeOf(entriesOf(entry), TIMEOUT_MS)) - answered));
      await sleep(CHANGE_PAUSE_MS);
      const own = [entry.mac, scaleEntry(index).mac, `]${entry.base} `];
      othersTouched += news.lines.filter((text) => !own.some((piece) => text.includes(piece))).length;
    }
    say(`scale: ${CHANGES} changes, the slowest ${Math.max(...changes).toFixed(1)} ms`);
    return { changes, othersTouched };
  } finally {
    news.close();
  }
}

/** A thousand Nodes change within ten seconds. */
async function measureBurst(
  client: KubeClient,
  host: BenchHost,
  { say }: BenchSetting,
): Promise<BurstFigures> {
  const news = new EntryNews(host.netns);
  try {
    await sleep(1_000);
    const begun = performance.now();
    const moved = await Promise.all(
      Array.from({ length: BURST }, async (_, number) => {
        await sleep((number * BURST_MS) / BURST);
        return await move(client, 1 + number * 4, CHANGES + 1);
      }),
    );
    const answered = performance.now();
    const pieces = moved.flatMap(entriesOf);
    const last = await news.timeOf(pieces, TIMEOUT_MS);
    const inKernel = await kernelEntries(host);
    const lost = moved.filter(({ mac, publicIp }) => !inKernel.includes(`${mac} dst ${publicIp} `)).length;
    const seconds = (answered - begun) / 1000;
    say(`scale: ${BURST} changes in ${seconds.toFixed(1)} s, ${lost} lost`);
    return { changes: BURST, seconds, settledMs: Math.max(0, last - answered), lost };
  } finally {
    news.close();
  }
}

async function kernelEntries(host: BenchHost): Promise<string> {
  return (await host.run(['bridge', 'fdb', 'show', 'dev', 'flannel.1'])).stdout;
}
