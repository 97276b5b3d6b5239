import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { UserError } from '../errors.ts';
import { type RunOptions, type RunResult, runCommand } from '../host/command.ts';
import { thaw } from './cgroups.ts';
import { containerId, netnsName } from './names.ts';
import { hostPaths } from './paths.ts';
import { findSupervisor } from './processes.ts';
import type { HostAddress } from './record.ts';
import { containerKnown, containerPid, execArgv } from './runtime.ts';
import { startSupervisor } from './supervisor.ts';

const BOOT_MS = 90_000;
const POWER_OFF_MS = 20_000;
const PAUSE_MS = 50;

/** One host of a lab: a server as far as anything on it can tell. */
export class LabHost {
  readonly lab: string;
  /** h1, h2, ... */
  readonly name: string;
  /** IPv4 address of its eth0. */
  readonly address: string;
  /** IPv6 address of its eth0, where the machine's kernel has IPv6. */
  readonly ipv6: string;
  /** Name of its network namespace, for `ip -n` on the machine. */
  readonly netns: string;
  /** Where its disk is mounted on the machine: what the host sees as /, less what it mounted itself. */
  readonly rootfs: string;
  readonly #id: string;

  constructor(lab: string, { name, address, ipv6 }: HostAddress) {
    this.lab = lab;
    this.name = name;
    this.address = address;
    this.ipv6 = ipv6;
    this.netns = netnsName(lab, name);
    this.rootfs = hostPaths(lab, name).rootfs;
    this.#id = containerId(lab, name);
  }

  /** Its PID 1 as the machine numbers it; undefined while it is switched off. */
  pid(): Promise<number | undefined> {
    return containerPid(this.#id);
  }

  /**
   * Runs a program in the host, as root in /root.
   * @throws CommandError as runCommand does
   * @throws UserError when the host is switched off
   */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    await this.demandOn();
    const { env, cwd, ...rest } = options;
    const where = { ...(env === undefined ? {} : { env }), ...(cwd === undefined ? {} : { cwd }) };
    return await runCommand(execArgv(this.#id, argv, where), rest);
  }

  /** @throws UserError when the host is switched off */
  async demandOn(): Promise<void> {
    if ((await this.pid()) !== undefined) return;
    throw new UserError(`host ${this.name} of lab ${this.lab} is switched off`, {
      remedy: `\`kadm lab up --name ${this.lab}\` switches it on`,
    });
  }

  /** argv that runs a program in the host with this process's own standard streams. */
  execArgv(argv: readonly string[], options: { tty: boolean; env?: Record<string, string> }): string[] {
    return execArgv(this.#id, argv, options);
  }

  /** A power cut: ends every process of the host at once, without warning. Its disk is kept. */
  async kill(): Promise<void> {
    const pid = await this.pid();
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    const off = async (): Promise<boolean> => {
      await thaw(this.lab);
      return !(await containerKnown(this.#id)) && (await findSupervisor(this.lab, this.#id)) === undefined;
    };
    await this.#until(off, POWER_OFF_MS, 'is not off');
  }

  /** Switches the host on, if it is off, and waits until its SSH server answers. */
  async start(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (!(await this.#isOn())) await startSupervisor(this.lab, this.name);
    await this.waitUntilUp(options);
  }

  /** @throws UserError with the console's last lines when the SSH server does not answer in time */
  async waitUntilUp(options: { signal?: AbortSignal } = {}): Promise<void> {
    const test = async (): Promise<boolean> => {
      if (await answersSsh(this.address)) return true;
      if (await this.#isOn()) return false;
      throw await this.#failure('went off while it started');
    };
    await this.#until(test, BOOT_MS, 'does not answer on port 22', options.signal);
  }

  /** Also between the end of a host that reboots and its next start. */
  async #isOn(): Promise<boolean> {
    if ((await findSupervisor(this.lab, this.#id)) !== undefined) return true;
    return (await this.pid()) !== undefined;
  }

  async #until(
    test: () => Promise<boolean>,
    bound: number,
    problem: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const deadline = performance.now() + bound;
    while (!(await test())) {
      signal?.throwIfAborted();
      if (performance.now() > deadline) throw await this.#failure(`${problem} after ${bound / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #failure(problem: string): Promise<UserError> {
    const text = await readFile(hostPaths(this.lab, this.name).console, 'utf8').catch(() => '');
    const lines = text.trim().split('\n').slice(-12).join('\n');
    return new UserError(
      `host ${this.name} of lab ${this.lab} ${problem}; its console ends with:\n${lines}`,
      {
        remedy: `look into it with \`kadm lab exec ${this.name} --name ${this.lab} -- journalctl -b\``,
      },
    );
  }
}

/** Whether an SSH server greets on port 22 (RFC 4253, section 4.2), within a second. */
function answersSsh(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22, timeout: 1_000 });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => end(data.toString('latin1').startsWith('SSH-2.0')));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('close', () => end(false));
  });
}
