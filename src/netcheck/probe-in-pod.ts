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
import { messageOf } from '../errors.ts';

const PROBES = 5;
const TIMEOUT_MS = 1_000;
const ATTEMPTS = 5;

const targetsSchema = z.object({
  pods: z.array(z.object({ node: z.string(), address: z.string() })),
  service: z.string(),
});

const count = z.object({ sent: z.number(), answered: z.number(), averageMs: z.number().optional() });

/** What one pod found. */
export const podFindingsSchema = z.object({
  mtu: z.number(),
  pods: z.array(z.object({ node: z.string(), small: count, full: count })),
  /** Connections to the Service, and the last error. */
  service: count.extend({ error: z.string().optional() }),
  dns: count.extend({ error: z.string().optional() }),
});

export type PodFindings = z.infer<typeof podFindingsSchema>;
type Count = z.infer<typeof count>;

/** Answers other check pods by UDP and TCP until the pod is deleted. */
export async function servePod(): Promise<void> {
  await answerProbes(ownAddress().address, AGENT_PORT, () => true);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('kadm\n');
  });
  server.listen(AGENT_PORT, '0.0.0.0');
  await once(server, 'listening');
  process.stdout.write('ready\n');
  await new Promise((resolve) => process.once('SIGTERM', resolve));
  process.exit(0);
}

/** Reads targets from standard input, tries each, and prints what came of it as JSON. */
export async function probeFromPod(): Promise<void> {
  const { pods, service } = targetsSchema.parse(JSON.parse(await readAll(process.stdin)));
  const { address, mtu } = await ownLink();
  const [podResults, serviceResult, dnsResult] = await Promise.all([
    Promise.all(
      pods.map(async ({ node, address: to }) => ({
        node,
        small: await repeat(() => probeOnce(address, to, SMALL_BYTES)),
        full: await repeat(() => probeOnce(address, to, mtu)),
      })),
    ),
    attempts(() => reach(service)),
    attempts(resolveOwnCluster),
  ]);
  const findings: PodFindings = { mtu, pods: podResults, service: serviceResult, dns: dnsResult };
  process.stdout.write(`${JSON.stringify(findings)}\n`);
}

function probeOnce(from: string, to: string, packetBytes: number): Promise<number | undefined> {
  return probe({ from, to, port: AGENT_PORT }, packetBytes, TIMEOUT_MS);
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
  await resolver.resolve4(`kubernetes.default.svc.${suffix}`);
}

async function ownLink(): Promise<{ address: string; mtu: number }> {
  const { name, address } = ownAddress();
  return { address, mtu: Number(await readFile(`/sys/class/net/${name}/mtu`, 'utf8')) };
}

function ownAddress(): { name: string; address: string } {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const found = addresses?.find(({ family, internal }) => family === 'IPv4' && !internal);
    if (found !== undefined) return { name, address: found.address };
  }
  throw new Error('this pod has no IPv4 address');
}
