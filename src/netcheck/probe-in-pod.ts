import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text as readAll } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AGENT_PORT } from '../agent/port.ts';
import { answerProbes, probe, SMALL_BYTES } from '../agent/probe-socket.ts';
import { FAMILIES, FAMILY, familyOf } from '../config/family.ts';
import { hasCode, messageOf } from '../errors.ts';

const PROBES = 5;
const TIMEOUT_MS = 1_000;
const ATTEMPTS = 5;
/** kube-proxy gathers changes for a second before it acts on them (minSyncPeriod); on a busy node it takes some. */
const SERVED_WITHIN_MS = 5_000;

const targetsSchema = z.object({
  pods: z.array(z.object({ node: z.string(), address: z.string() })),
  /** Its addresses, one of each family. */
  service: z.array(z.string()),
});

const count = z.object({ sent: z.number(), answered: z.number(), averageMs: z.number().optional() });

/** What one pod found. */
export const podFindingsSchema = z.object({
  mtu: z.number(),
  /** A node's pod is there once in each family. */
  pods: z.array(z.object({ node: z.string(), family: z.enum(['IPv4', 'IPv6']), small: count, full: count })),
  /** Connections to the Service, by each of its addresses, and the last error. */
  service: count.extend({ error: z.string().optional() }),
  dns: count.extend({ error: z.string().optional() }),
});

export type PodFindings = z.infer<typeof podFindingsSchema>;
type Count = z.infer<typeof count>;

/** Answers other check pods by UDP and TCP until the pod is deleted. */
export async function servePod(): Promise<void> {
  for (const { address } of ownAddresses()) await answerProbes(address, AGENT_PORT, () => true);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('kadm\n');
  });
  // Of both families, where the pod has both.
  server.listen(AGENT_PORT);
  await once(server, 'listening');
  process.stdout.write('ready\n');
  await new Promise((resolve) => process.once('SIGTERM', resolve));
  process.exit(0);
}

/** Reads targets from standard input, tries each, and prints what came of it as JSON. */
export async function probeFromPod(): Promise<void> {
  const { pods, service } = targetsSchema.parse(JSON.parse(await readAll(process.stdin)));
  const own = ownAddresses();
  const mtu = Number(await readFile(`/sys/class/net/${own[0]?.name ?? 'eth0'}/mtu`, 'utf8'));
  const [podResults, serviceResult, dnsResult] = await Promise.all([
    Promise.all(
      pods.map(async ({ node, address: to }) => {
        const family = familyOf(to);
        const from = own.find(({ address }) => familyOf(address) === family)?.address;
        return {
          node,
          family: FAMILY[family].name,
          small: await repeat(() => probeOnce(from, to, SMALL_BYTES)),
          full: await repeat(() => probeOnce(from, to, mtu)),
        };
      }),
    ),
    untilServed(service).then(() => attempts(() => reachAll(service))),
    attempts(resolveOwnCluster),
  ]);
  const findings: PodFindings = { mtu, pods: podResults, service: serviceResult, dns: dnsResult };
  process.stdout.write(`${JSON.stringify(findings)}\n`);
}

/** @param from undefined where this pod has no address of that family */
async function probeOnce(
  from: string | undefined,
  to: string,
  packetBytes: number,
): Promise<number | undefined> {
  if (from === undefined) return undefined;
  return await probe({ from, to, port: AGENT_PORT }, packetBytes, TIMEOUT_MS);
}

async function repeat(once_: () => Promise<number | undefined>): Promise<Count> {
  const times: number[] = [];
  for (let index = 0; index < PROBES; index += 1) {
    const ms = await once_();
    if (ms !== undefined) times.push(ms);
  }
  return counted(PROBES, times);
}

async function attempts(work: () => Promise<void>): Promise<Count & { error?: string }> {
  const times: number[] = [];
  let error: string | undefined;
  for (let index = 0; index < ATTEMPTS; index += 1) {
    const begun = performance.now();
    try {
      await work();
      times.push(performance.now() - begun);
    } catch (failure) {
      error = messageOf(failure);
      await sleep(100);
    }
  }
  return { ...counted(ATTEMPTS, times), ...(error === undefined ? {} : { error }) };
}

function counted(sent: number, times: readonly number[]): Count {
  if (times.length === 0) return { sent, answered: 0 };
  return { sent, answered: times.length, averageMs: times.reduce((sum, ms) => sum + ms, 0) / times.length };
}

/** The check's own Service was made a moment ago: that it is not served yet says nothing of the network. */
async function untilServed(service: readonly string[]): Promise<void> {
  const end = performance.now() + SERVED_WITHIN_MS;
  while (performance.now() < end) {
    const served = await reachAll(service).then(
      () => true,
      () => false,
    );
    if (served) return;
    await sleep(100);
  }
}

async function reachAll(service: readonly string[]): Promise<void> {
  await Promise.all(service.map(reach));
}

async function reach(service: string): Promise<void> {
  const socket = connect({ host: service, port: AGENT_PORT });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } finally {
    socket.destroy();
  }
}

/** The API server's Service by the name that every cluster has, at the DNS server that pods are told. */
async function resolveOwnCluster(): Promise<void> {
  const configuration = await readFile('/etc/resolv.conf', 'utf8');
  const servers = [...configuration.matchAll(/^nameserver (\S+)/gm)].flatMap(([, server]) => server ?? []);
  const suffix = /\bsvc\.(\S+)/.exec(configuration)?.[1] ?? 'cluster.local';
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  resolver.setServers(servers);
  const name = `kubernetes.default.svc.${suffix}`;
  // It has one address, of the cluster's primary family.
  await resolver.resolve4(name).catch(async (error: unknown) => {
    if (!hasCode(error, 'ENODATA')) throw error;
    await resolver.resolve6(name);
  });
}

/** One of each family that this pod has, with its link; the kernel's own for each link is not meant. */
function ownAddresses(): { name: string; address: string }[] {
  const found = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).flatMap(({ address, internal }) =>
      internal || address.startsWith('fe80:') ? [] : [{ name, address }],
    ),
  );
  const own = FAMILIES.flatMap((family) => found.find(({ address }) => familyOf(address) === family) ?? []);
  if (own.length > 0) return own;
  throw new Error('this pod has no address');
}
