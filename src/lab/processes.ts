import { readdir, readFile } from 'node:fs/promises';
import { processesOf, thaw } from './cgroups.ts';
import { hostOf } from './names.ts';
import { labPaths, RUNC_ROOT } from './paths.ts';

const BOUND_MS = 10_000;
const PAUSE_MS = 50;

/**
 * Whether a command line is the lab's work on the machine: a supervisor of it, or runc for one of its hosts.
 * An editor or a shell that merely looks into the lab's folder is not.
 */
export function isLabCommand(lab: string, argv: readonly string[]): boolean {
  const [, script, ...rest] = argv;
  if (script === labPaths(lab).supervisor) return rest[0] === RUNC_ROOT;
  if (script !== '--root' || rest[0] !== RUNC_ROOT) return false;
  // The first such word is the container: what follows may be any program's arguments.
  const id = rest.find((word) => /^kadm-.+-h[0-9]+$/.test(word));
  return id !== undefined && hostOf(lab, id) !== undefined;
}

/** The processes of a lab: those in its cgroups, its supervisors, and runc's. */
export async function labProcesses(lab: string): Promise<number[]> {
  const inCgroups = await processesOf(lab);
  const byCommand = (await commandLines()).filter(({ argv }) => isLabCommand(lab, argv));
  return [...new Set([...inCgroups, ...byCommand.map(({ pid }) => pid)])].filter((pid) => pid > 0);
}

/** The supervisor of one host, if it runs. */
export async function findSupervisor(lab: string, containerId: string): Promise<number | undefined> {
  const found = (await commandLines()).find(
    ({ argv }) => argv[1] === labPaths(lab).supervisor && argv[3] === containerId,
  );
  return found?.pid;
}

/**
 * Kills all processes of a lab, again and again until none is left: one may have started another meanwhile.
 * @returns the process ids that could not be ended within the bound
 */
export async function killLab(lab: string): Promise<number[]> {
  const deadline = performance.now() + BOUND_MS;
  for (;;) {
    const left = await labProcesses(lab);
    if (left.length === 0 || performance.now() > deadline) return left;
    for (const pid of left) killQuietly(pid);
    await thaw(lab);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

async function commandLines(): Promise<{ pid: number; argv: string[] }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Gone between the two readings: nothing to find.
      const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid: Number(pid), argv: text.split('\0').slice(0, -1) };
    }),
  );
  return found.filter(({ argv }) => argv.length > 0);
}
