import { z } from 'zod';
import { runCommand } from '../host/command.ts';
import { LocalHost } from '../host/host.ts';
import { hostOf } from './names.ts';
import { RUNC_ROOT } from './paths.ts';

const stateSchema = z.object({ status: z.string(), pid: z.number() });

/** PID 1 of a container as the machine numbers it; undefined when it does not run. */
export async function containerPid(id: string): Promise<number | undefined> {
  const { stdout, exitCode } = await runc(['state', id]);
  if (exitCode !== 0) return undefined;
  const state = stateSchema.parse(JSON.parse(stdout));
  return state.status === 'running' && state.pid > 0 ? state.pid : undefined;
}

/** Whether runc keeps anything of a container, running or not. */
export async function containerKnown(id: string): Promise<boolean> {
  return (await runc(['state', id])).exitCode === 0;
}

/** Containers of a lab that runc knows of, also those that it could not finish. */
export async function containersOf(lab: string): Promise<string[]> {
  const names = await new LocalHost().list(RUNC_ROOT);
  return names.filter((name) => hostOf(lab, name) !== undefined);
}

/** Removes a container with all its processes. */
export async function deleteContainer(id: string): Promise<void> {
  await runc(['delete', '--force', id]);
  // A folder without a state file is what a killed `runc run` leaves; runc itself does not see it.
  await new LocalHost().removeTree(`${RUNC_ROOT}/${id}`);
}

/** argv that runs a program in a host. */
export function execArgv(id: string, argv: readonly string[], options: ExecArgvOptions = {}): string[] {
  const env = Object.entries(options.env ?? {}).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const tty = options.tty === true ? ['--tty'] : [];
  return ['runc', '--root', RUNC_ROOT, 'exec', ...tty, '--cwd', options.cwd ?? '/root', ...env, id, ...argv];
}

export interface ExecArgvOptions {
  readonly tty?: boolean;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function runc(argv: readonly string[]): ReturnType<typeof runCommand> {
  return runCommand(['runc', '--root', RUNC_ROOT, ...argv], { allowFailure: true });
}
