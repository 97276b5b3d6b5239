import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DEFAULT_KUBERNETES_VERSION, imageName, releaseFor } from '../../../src/components/catalog.ts';
import type { RunResult } from '../../../src/host/command.ts';
import type { LabHost } from '../../../src/lab/lab-host.ts';
import type { Kubectl } from './kubectl.ts';
import type { Report } from './traffic.ts';

const TRAFFIC = new URL('./traffic.ts', import.meta.url).pathname;
const UDP_PORT = 7001;
const TCP_PORT = 7002;

/** Something with an address in the pod network, reached through its network namespace. */
export interface Endpoint {
  readonly host: LabHost;
  readonly address: string;
  /** Path on its host, as ip-netns(8) has it. */
  readonly namespace: string;
}

/** A pod, which may have an address of each family; `address` is the primary one. */
export interface PodEndpoint extends Endpoint {
  readonly addresses: readonly string[];
}

const podSchema = z.object({
  status: z.object({ podIP: z.string(), podIPs: z.array(z.object({ ip: z.string() })) }),
});

/** A pod that does nothing, on a node; it passes by the scheduler, and so goes onto the master too. */
export async function pausePod(
  kubectl: Kubectl,
  host: LabHost,
  name = `pause-${host.name}`,
): Promise<PodEndpoint> {
  const image = imageName('image-pause', releaseFor(DEFAULT_KUBERNETES_VERSION));
  await kubectl.apply([
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        nodeName: host.name,
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        tolerations: [{ operator: 'Exists' }],
        containers: [{ name: 'pause', image, imagePullPolicy: 'Never' }],
      },
    },
  ]);
  await kubectl.run('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
  const { status } = await kubectl.get(podSchema, 'pod', name);
  const addresses = status.podIPs.map(({ ip }) => ip);
  return { host, address: status.podIP, addresses, namespace: await namespaceOf(host, status.podIP) };
}

/** The network namespace, among those of a host's pods, that has an address. */
async function namespaceOf(host: LabHost, address: string): Promise<string> {
  const script = `for n in /run/netns/*; do nsenter --net=$n ip -o addr | grep -q ' ${address}/' && echo $n; done`;
  const found = (await host.exec(['sh', '-c', script], { allowFailure: true })).stdout.trim();
  if (found === '') throw new Error(`no pod on ${host.name} has the address ${address}`);
  return found;
}

/** One echo, with a payload of so many bytes, unfragmented. */
export async function ping(from: Endpoint, to: string, bytes = 56): Promise<RunResult> {
  const argv = ['ping', '-M', 'do', '-n', '-c', '1', '-W', '1', '-s', String(bytes), to];
  return await from.host.exec(['nsenter', `--net=${from.namespace}`, ...argv], { allowFailure: true });
}

export async function reaches(from: Endpoint, to: string, bytes?: number): Promise<boolean> {
  return (await ping(from, to, bytes)).exitCode === 0;
}

/** Traffic from one endpoint to another, until its end is asked for. */
export class Stream {
  readonly #sender: ChildProcess;
  readonly #receiver: ChildProcess;
  readonly #output: () => string;

  private constructor(sender: ChildProcess, receiver: ChildProcess, output: () => string) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#output = output;
  }

  /** @param rate packets a second */
  static async udp(from: Endpoint, to: Endpoint, rate: number): Promise<Stream> {
    const send = ['send-udp', to.address, String(UDP_PORT), String(rate)];
    return await Stream.#begin(from, send, to, ['receive-udp', String(UDP_PORT)]);
  }

  /** One connection, on which a little is written every 10 ms. */
  static async tcp(from: Endpoint, to: Endpoint): Promise<Stream> {
    const send = ['send-tcp', to.address, String(TCP_PORT)];
    return await Stream.#begin(from, send, to, ['receive-tcp', String(TCP_PORT)]);
  }

  static async #begin(from: Endpoint, send: string[], to: Endpoint, receive: string[]): Promise<Stream> {
    const receiver = await startIn(to, receive);
    let output = '';
    receiver.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
    while (!output.includes('ready')) await sleep(20);
    const sender = await startIn(from, send);
    // The first packet of all asks for neighbours.
    await sleep(500);
    return new Stream(sender, receiver, () => output);
  }

  /** @throws Error when the sender gave up before */
  async end(): Promise<Report> {
    const gaveUp = this.#sender.exitCode !== null;
    this.#sender.kill('SIGKILL');
    await sleep(300);
    const ended = once(this.#receiver, 'close');
    this.#receiver.kill('SIGTERM');
    await ended;
    if (gaveUp) throw new Error(`the sender gave up; the receiver says ${this.#output()}`);
    return JSON.parse(this.#output().trim().split('\n').at(-1) ?? '') as Report;
  }
}

/** A program of this machine, in the network of an endpoint: nsenter becomes it. */
async function startIn({ host, namespace }: Endpoint, words: readonly string[]): Promise<ChildProcess> {
  const net = `--net=/proc/${await host.pid()}/root${namespace}`;
  return spawn('nsenter', [net, process.execPath, TRAFFIC, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
