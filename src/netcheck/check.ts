import { z } from 'zod';
import { AGENT_PORT } from '../agent/port.ts';
import { agentStatusSchema } from '../agent/status.ts';
import { DEFAULT_KUBERNETES_VERSION, releaseFor } from '../components/catalog.ts';
import { bracketed } from '../config/family.ts';
import { EXIT, messageOf, UserError } from '../errors.ts';
import { runCommand } from '../host/command.ts';
import { KubeClient } from '../kube/client.ts';
import type { ApiCredentials } from '../pki/kubeconfig.ts';
import { askAgents, type NodeReport } from './agents.ts';
import { type Cause, likelyCause, otherCni } from './cause.ts';
import { type CheckPod, CheckPods, KADM } from './check-pods.ts';
import { type PodFindings, podFindingsSchema } from './probe-in-pod.ts';

const KUBECONFIG = '/etc/kubernetes/admin.conf';
const PODS_TIMEOUT_MS = 30_000;
const PROBE_TIMEOUT_MS = 90_000;
const AGENT_TIMEOUT_MS = 15_000;
/** Looked into one after the other, a few seconds each; one cause often explains the rest. */
const MAX_DIAGNOSES = 6;

export interface CheckRun {
  readonly client: KubeClient;
  readonly credentials: ApiCredentials;
  /** UDP port of the tunnel. */
  readonly tunnelPort: number;
  /** Names of the nodes; all when left out. */
  readonly nodes: readonly string[] | undefined;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

export interface Row {
  readonly node: string;
  /** Undefined where its pod did not run, or could not be asked. */
  readonly findings?: PodFindings;
  readonly error?: string;
}

export interface BrokenPair {
  readonly from: string;
  readonly to: string;
  /** Of the packets that do not pass; absent where it is not about packets between two nodes. */
  readonly family?: 'IPv4' | 'IPv6';
  readonly what: string;
  readonly cause?: Cause;
}

export interface CheckResult {
  readonly rows: readonly Row[];
  readonly broken: readonly BrokenPair[];
}

/** Makes a pod on each node, lets each try all others, and looks for the cause of what fails. */
export async function checkNetwork(run: CheckRun): Promise<CheckResult> {
  const { client, credentials, signal, progress } = run;
  const reports = await askAgents(client, credentials);
  const nodes = wantedNodes(reports, run.nodes);
  const pods = new CheckPods(client);
  try {
    progress(`starting a pod on ${nodes.length === 1 ? 'one node' : `${nodes.length} nodes`}`);
    const service = await pods.create(nodes, releaseFor(DEFAULT_KUBERNETES_VERSION));
    const states = await pods.wait(PODS_TIMEOUT_MS, signal);
    progress('every pod tries all others, the Service and DNS');
    const rows = await Promise.all(states.map(async (pod) => await probeFrom(pod, states, service, signal)));
    const broken = brokenPairs(rows, reports);
    const diagnosed: BrokenPair[] = [];
    for (const [index, pair] of broken.entries()) {
      if (index >= MAX_DIAGNOSES || pair.to === '') diagnosed.push(pair);
      else {
        progress(`looking for the cause between ${pair.from} and ${pair.to}`);
        diagnosed.push({ ...pair, cause: await diagnose(pair, reports, states, run) });
      }
    }
    return { rows: rows.sort((a, b) => (a.node < b.node ? -1 : 1)), broken: diagnosed };
  } finally {
    await pods.remove();
  }
}

/** @throws UserError (usage) where one is unknown, or none is named */
export function wantedNodes(reports: readonly NodeReport[], wanted: readonly string[] | undefined): string[] {
  const present = reports.map(({ node }) => node);
  const nodes = [...new Set(wanted ?? present)];
  const unknown = nodes.find((name) => !present.includes(name));
  if (unknown === undefined && nodes.length > 0) return nodes;
  throw new UserError(
    unknown === undefined ? '--nodes names no node' : `--nodes: there is no node ${unknown}`,
    {
      remedy: `the nodes are ${present.join(', ')}`,
      exitCode: EXIT.usage,
    },
  );
}

async function probeFrom(
  pod: CheckPod,
  all: readonly CheckPod[],
  service: readonly string[],
  signal: AbortSignal,
): Promise<Row> {
  const { node } = pod;
  if (pod.addresses === undefined) return { node, error: `its pod does not run: ${pod.waiting ?? ''}` };
  const pods = all.flatMap(({ node: name, addresses = [] }) =>
    name === node ? [] : addresses.map((address) => ({ node: name, address })),
  );
  const kubectl = ['kubectl', '--kubeconfig', KUBECONFIG, '--namespace', 'kube-system'];
  const argv = [...kubectl, 'exec', '--stdin', pod.name, '--', KADM, 'network', 'probe'];
  try {
    const input = JSON.stringify({ pods, service });
    const { stdout } = await runCommand(argv, { input, timeoutMs: PROBE_TIMEOUT_MS, signal });
    return { node, findings: podFindingsSchema.parse(JSON.parse(stdout)) };
  } catch (error) {
    return { node, error: messageOf(error).split('\n').at(-1) ?? '' };
  }
}

/** Pairs of which packets were lost, each once in a family; and what pods could not reach beside each other. */
export function brokenPairs(rows: readonly Row[], reports: readonly NodeReport[]): BrokenPair[] {
  const pairs = new Map<string, BrokenPair>();
  const add = (pair: Required<Omit<BrokenPair, 'cause'>>): void => {
    const key = [...[pair.from, pair.to].sort(), pair.family].join(' ');
    if (!pairs.has(key)) pairs.set(key, pair);
  };
  const others: BrokenPair[] = [];
  for (const { node, findings, error } of rows) {
    if (findings === undefined) {
      const status = reports.find((report) => report.node === node)?.status;
      const cause = otherCni(node, status);
      others.push({ from: node, to: '', what: error ?? '', ...(cause === undefined ? {} : { cause }) });
      // Where no pod starts, the agent's probes say between whom it does not work.
      const probes = status?.probes ?? [];
      for (const { node: to, family, state, why = 'broken' } of probes)
        if (state === 'broken') add({ from: node, to, family, what: why });
      continue;
    }
    const two = new Set(findings.pods.map(({ family }) => family)).size > 1;
    for (const { node: to, family, small, full } of findings.pods) {
      const packet = two ? `no ${family} packet` : 'no packet';
      if (small.answered === 0) add({ from: node, to, family, what: `${packet} passes between their pods` });
      else if (full.answered === 0) {
        const what = `${packet} of ${findings.mtu} bytes passes between their pods`;
        add({ from: node, to, family, what });
      }
    }
    const { service, dns } = findings;
    if (service.answered === 0)
      others.push({ from: node, to: '', what: `no Service is reached: ${service.error ?? ''}` });
    if (dns.answered === 0)
      others.push({ from: node, to: '', what: `DNS gives no answer: ${dns.error ?? ''}` });
  }
  return [...pairs.values(), ...others];
}

const burstSchema = z.object({
  small: z.object({ sent: z.number(), answered: z.number() }),
  full: z.object({ sent: z.number(), answered: z.number() }),
});

async function diagnose(
  { from, to, family = 'IPv4' }: BrokenPair,
  reports: readonly NodeReport[],
  pods: readonly CheckPod[],
  { credentials, tunnelPort }: CheckRun,
): Promise<Cause> {
  const agentOf = (name: string): KubeClient => {
    const address = reports.find(({ node }) => node === name)?.address ?? '';
    const server = `https://${bracketed(address)}:${AGENT_PORT}`;
    return new KubeClient({ ...credentials, server }, { timeoutMs: AGENT_TIMEOUT_MS });
  };
  const [a, b] = [agentOf(from), agentOf(to)];
  const status = async (agent: KubeClient): Promise<z.infer<typeof agentStatusSchema> | undefined> =>
    await agent.get('/status').then(
      (answer) => agentStatusSchema.parse(answer),
      () => undefined,
    );
  const both = async (): Promise<{
    from: Awaited<ReturnType<typeof status>>;
    to: Awaited<ReturnType<typeof status>>;
  }> => {
    const [first, second] = await Promise.all([status(a), status(b)]);
    return { from: first, to: second };
  };
  try {
    const before = await both();
    const burst = await a.get('/probe', { peer: to, family }).then(
      (answer) => burstSchema.parse(answer),
      () => undefined,
    );
    const after = await both();
    const addressesOf = (name: string): readonly string[] =>
      pods.find(({ node }) => node === name)?.addresses ?? [];
    const podAddresses = { from: addressesOf(from), to: addressesOf(to) };
    return likelyCause({ from, to, family, port: tunnelPort, before, after, burst, podAddresses });
  } finally {
    a.close();
    b.close();
  }
}
