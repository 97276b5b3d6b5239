import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../../src/host/command.ts';

const PORT = { iperf3: 5_201, sockperf: 11_111 } as const;
const SECONDS = 4;
/** Left out at the start, until TCP has found its window. */
const OMIT_SECONDS = 1;
const TIMEOUT_MS = 60_000;

/** A network namespace, by its path on this machine, and an address in it. */
export interface TrafficEnd {
  readonly netns: string;
  readonly address: string;
}

/** @throws UserError where iperf3 or sockperf is not installed */
export async function demandTools(): Promise<void> {
  await runCommand(['iperf3', '--version']);
  await runCommand(['sockperf', '--version']);
}

/** One TCP stream by iperf3. @returns Gbit/s that were received */
export async function throughput(from: TrafficEnd, to: TrafficEnd): Promise<number> {
  const port = PORT.iperf3;
  const server = ['iperf3', '--server', '--bind', to.address, '--port', String(port)];
  return await whileServing(to, port, server, async () => {
    const times = ['--time', String(SECONDS), '--omit', String(OMIT_SECONDS)];
    const client = ['iperf3', '--client', to.address, '--port', String(port), ...times, '--json'];
    const { stdout } = await inNamespace(from, client);
    const { end } = JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } };
    return end.sum_received.bits_per_second / 1e9;
  });
}

/** Small requests over one TCP connection, each sent when the one before was answered, by sockperf. @returns a second */
export async function requests(from: TrafficEnd, to: TrafficEnd): Promise<number> {
  const port = PORT.sockperf;
  const where = ['--tcp', '--ip', to.address, '--port', String(port)];
  return await whileServing(to, port, ['sockperf', 'server', ...where], async () => {
    const client = ['sockperf', 'ping-pong', ...where, '--time', String(SECONDS), '--full-rtt'];
    const { stdout } = await inNamespace(from, client);
    const microseconds = Number(/Summary: Round trip is ([\d.]+) usec/.exec(stdout)?.[1]);
    if (!(microseconds > 0)) throw new Error(`sockperf tells no round trip:\n${stdout}`);
    return 1e6 / microseconds;
  });
}

async function whileServing<T>(
  at: TrafficEnd,
  port: number,
  argv: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const [program = '', ...args] = argv;
  const server = spawn('nsenter', [`--net=${at.netns}`, program, ...args], { stdio: 'ignore' });
  try {
    await untilListening(at, port, server);
    return await work();
  } finally {
    const ended = new Promise((resolve) => server.once('close', resolve));
    if (server.exitCode === null && server.kill('SIGKILL')) await ended;
  }
}

async function untilListening(at: TrafficEnd, port: number, server: ChildProcess): Promise<void> {
  const end = performance.now() + TIMEOUT_MS;
  for (;;) {
    const { stdout } = await inNamespace(at, ['ss', '-Hltn', `sport = :${port}`]);
    if (stdout.trim() !== '') return;
    if (server.exitCode !== null || performance.now() > end) throw new Error('a server does not listen');
    await sleep(50);
  }
}

async function inNamespace({ netns }: TrafficEnd, argv: readonly string[]): Promise<{ stdout: string }> {
  return await runCommand(['nsenter', `--net=${netns}`, ...argv], { timeoutMs: TIMEOUT_MS });
}
