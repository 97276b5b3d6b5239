import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { RunResult } from '../../../src/host/command.ts';
import type { LabHost } from '../../../src/lab/lab-host.ts';

const podSchema = z.object({
  metadata: z.object({ name: z.string(), deletionTimestamp: z.string().optional() }),
  spec: z.object({ nodeName: z.string().optional() }),
  status: z.object({
    phase: z.string(),
    conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional(),
  }),
});

/** The part of a Pod that tests look at. */
export interface PodState {
  readonly name: string;
  readonly node: string | undefined;
  readonly phase: string;
  readonly ready: boolean;
}

/** kubectl on the master, as root there types it: with the kubeconfig that kadm left for root. */
export class Kubectl {
  readonly #host: LabHost;
  readonly #namespace: readonly string[];

  constructor(host: LabHost, namespace?: string) {
    this.#host = host;
    this.#namespace = namespace === undefined ? [] : ['--namespace', namespace];
  }

  /** @throws CommandError when kubectl's exit code is not 0 */
  async run(...argv: string[]): Promise<string> {
    return (await this.#host.exec(this.#argv(argv), { timeoutMs: 240_000 })).stdout;
  }

  /** For what may end with another exit code than 0, or reads standard input. */
  async attempt(argv: readonly string[], input = ''): Promise<RunResult> {
    return await this.#host.exec(this.#argv(argv), { input, allowFailure: true });
  }

  async apply(objects: readonly object[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await this.#host.exec(this.#argv(['apply', '--filename', '-']), { input: JSON.stringify(list) });
  }

  /** What `kubectl get ... -o json` says, in the shape that the schema asks for. */
  async get<T>(schema: z.ZodType<T>, ...argv: string[]): Promise<T> {
    return schema.parse(JSON.parse(await this.run('get', ...argv, '--output', 'json')));
  }

  /** Pods that are not on their way out. */
  async pods(...argv: string[]): Promise<PodState[]> {
    const { items } = await this.get(z.object({ items: z.array(podSchema) }), 'pods', ...argv);
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata, spec, status }) => ({
        name: metadata.name,
        node: spec.nodeName,
        phase: status.phase,
        ready: status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
      }));
  }

  /** What a program in a pod says on standard output. */
  async exec(pod: string, ...argv: string[]): Promise<string> {
    return await this.run('exec', pod, '--', ...argv);
  }

  /**
   * Runs `kubectl port-forward` on the master's own address while `use` runs.
   * @param port of the pod
   */
  async whileForwarding<T>(pod: string, port: number, use: (url: string) => Promise<T>): Promise<T> {
    const { address } = this.#host;
    const argv = this.#argv(['port-forward', '--address', address, `pod/${pod}`, `:${port}`]);
    const [program = '', ...args] = this.#host.execArgv(argv, { tty: false });
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let complaints = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaints += chunk.toString('utf8');
    });
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        const local = /^Forwarding from (\S+) -> /.exec(line)?.[1];
        if (local !== undefined) return await use(`http://${local}`);
      }
      throw new Error(`kubectl port-forward ended: ${complaints.trim()}`);
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  }

  #argv(argv: readonly string[]): string[] {
    return ['kubectl', ...this.#namespace, ...argv];
  }
}
