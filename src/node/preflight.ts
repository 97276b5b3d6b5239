import { cpus, totalmem } from 'node:os';
import { type Cidr, contains, overlaps, parseCidr } from '../config/cidr.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { hostAddresses, hostRoutes } from '../host/network.ts';
import type { Step } from '../phases/phase.ts';
import { wantedArtifacts } from './components.ts';
import type { NodeContext } from './context.ts';

/** What is wrong with a host, and what to do about it. */
export interface Problem {
  readonly message: string;
  readonly remedy: string;
}

/** One thing to look at before anything is changed. Names are kubeadm's where the check is the same. */
export interface Check {
  readonly name: string;
  run(): Promise<Problem | undefined>;
}

/**
 * Runs all checks together and reports all failures together.
 * @param ignored names of checks whose failures only warn; `all` for every one
 * @throws UserError (preflight)
 */
export async function runChecks(
  checks: readonly Check[],
  ignored: readonly string[],
  step: Step,
): Promise<void> {
  const ignore = new Set(ignored.map((name) => name.toLowerCase()));
  const results = await Promise.all(
    checks.map(async (check) => ({ name: check.name, problem: await check.run() })),
  );
  const fatal: Failure[] = [];
  for (const { name, problem } of results) {
    if (problem === undefined) continue;
    if (ignore.has('all') || ignore.has(name.toLowerCase())) step.warn(lineOf({ name, problem }));
    else fatal.push({ name, problem });
  }
  if (fatal.length > 0) throw notReady(fatal);
}

interface Failure {
  readonly name: string;
  readonly problem: Problem;
}

/** One problem is one line; of several, each has its own. */
function notReady(failures: readonly Failure[]): UserError {
  const names = failures.map(({ name }) => name).join(',');
  const goOn = `nothing was changed; --ignore-preflight-errors=${names} goes on all the same`;
  const [first] = failures;
  if (first !== undefined && failures.length === 1) {
    return new UserError(`this host is not ready: ${first.problem.message}`, {
      remedy: `${first.problem.remedy} (${goOn})`,
      exitCode: EXIT.preflight,
    });
  }
  const lines = failures.map((failure) => `  ${lineOf(failure)}`);
  return new UserError(`this host is not ready:\n${lines.join('\n')}`, {
    remedy: goOn,
    exitCode: EXIT.preflight,
  });
}

function lineOf({ name, problem }: Failure): string {
  return `[${name}] ${problem.message}: ${problem.remedy}`;
}

/** Everything that will be installed must be to be had before anything is changed. */
export function componentsThere(context: NodeContext): Check {
  return check('Components', async () => {
    try {
      await wantedArtifacts(context);
      return undefined;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { message: error.message, remedy: error.remedy ?? 'name another component source' };
    }
  });
}

/** kadm changes units, kernel settings and root's files. @throws UserError (preflight) */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new UserError('kadm needs root here', { remedy: 'run it with sudo', exitCode: EXIT.preflight });
}

export function numCpu(minimum: number): Check {
  return check('NumCPU', async () => {
    const { length } = cpus();
    if (length >= minimum) return undefined;
    return { message: `${length} processor, and ${minimum} are needed`, remedy: 'give the machine more' };
  });
}

export function memory(minimumMiB: number): Check {
  return check('Mem', async () => {
    const found = Math.floor(totalmem() / 1024 / 1024);
    if (found >= minimumMiB) return undefined;
    return {
      message: `${found} MiB of memory, and ${minimumMiB} are needed`,
      remedy: 'give the machine more',
    };
  });
}

export function swap(host: Host): Check {
  return check('Swap', async () => {
    const lines = ((await host.readFile('/proc/swaps'))?.toString('utf8') ?? '').trim().split('\n').slice(1);
    if (lines.length === 0) return undefined;
    const devices = lines.map((line) => line.split(/\s+/)[0]).join(', ');
    return {
      message: `swap is on (${devices})`,
      remedy: 'turn it off: swapoff -a, and take it out of /etc/fstab',
    };
  });
}

/** `ss` names the process that listens. */
export function portFree(host: Host, port: number): Check {
  return check(`Port-${port}`, async () => {
    const { stdout } = await host.query(['ss', '-Hltnp', `sport = :${port}`]);
    if (stdout.trim() === '') return undefined;
    const owner = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout);
    const by = owner === null ? 'another program' : `${owner[1]} (pid ${owner[2]})`;
    return { message: `port ${port} is taken by ${by}`, remedy: 'stop it, or let it listen elsewhere' };
  });
}

export function fileAvailable(host: Host, path: string): Check {
  return check(`FileAvailable-${path.replaceAll('/', '-')}`, async () => {
    if ((await host.stat(path)) === undefined) return undefined;
    return {
      message: `${path} is there already`,
      remedy: 'it belongs to another cluster: reset or remove that first',
    };
  });
}

export function fileThere(host: Host, path: string): Check {
  return check(`FileExisting-${path.replaceAll('/', '-')}`, async () => {
    if ((await host.stat(path)) !== undefined) return undefined;
    return { message: `there is no ${path}`, remedy: 'bring it there, or name another in the configuration' };
  });
}

export function directoryAvailable(host: Host, path: string): Check {
  return check(`DirAvailable-${path.replaceAll('/', '-')}`, async () => {
    if ((await host.list(path)).length === 0) return undefined;
    return {
      message: `${path} is not empty`,
      remedy: 'it belongs to another cluster: reset or empty that first',
    };
  });
}

/** The kernel must have the module, or be able to load it. */
export function kernelModule(host: Host, name: string, sign: string): Check {
  return check(`KernelModule-${name}`, async () => {
    if ((await host.stat(sign)) !== undefined) return undefined;
    const { exitCode } = await host.query(['modprobe', '--dry-run', name], { allowFailure: true });
    if (exitCode === 0) return undefined;
    return {
      message: `this kernel has no ${name}`,
      remedy: `boot a kernel with ${name}, or install its modules`,
    };
  });
}

export function ownAddress(host: Host, address: string): Check {
  return check('AdvertiseAddress', async () => {
    const own = await hostAddresses(host);
    if (own.includes(address)) return undefined;
    return {
      message: `${address} is not an address of this host`,
      remedy: `its addresses are ${own.join(', ')}`,
    };
  });
}

/** The cluster's networks must not hold addresses that this host uses for something else. */
export function cidrsUnused(host: Host, cidrs: readonly Cidr[]): Check {
  return check('AddressConflict', async () => {
    const [addresses, routes] = await Promise.all([hostAddresses(host), hostRoutes(host)]);
    for (const cidr of cidrs) {
      const address = addresses.find((one) => contains(cidr, one));
      const route = routes.find((one) => overlaps(cidr, parseCidr(one)));
      const taken = address ?? route;
      if (taken === undefined) continue;
      return {
        message: `the cluster's network ${cidr.text} overlaps with ${taken}, which this host uses`,
        remedy: 'choose another --pod-network-cidr or --service-cidr',
      };
    }
    return undefined;
  });
}

function check(name: string, run: Check['run']): Check {
  return { name, run };
}
