import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalHost } from '../../src/host/host.ts';
import { sha256File } from '../../src/host/large-file.ts';
import { joinPhases } from '../../src/join/index.ts';
import { labPaths } from '../../src/lab/paths.ts';
import { type BenchHost, type BenchSetting, firstOf, onFreshHosts } from './bench-lab.ts';
import { secondsIn } from './processor-time.ts';

const LAB = 'bench-fleet';
const ENDPOINTS = 300;
/** sshd listens on so many ports at most. */
const PORTS_OF_ONE = 16;
const FIRST_PORT = 20_000;
const SAMPLE_MS = 20;

/** What reaching so many hosts takes on the machine that does it. */
export interface FleetFigures {
  readonly endpoints: number;
  readonly done: number;
  readonly seconds: number;
  readonly cpuMsPerHost: number;
  readonly memoryMiB: number;
}

/**
 * One `kadm reset --ssh` on 300 SSH servers, all on one lab host, each a real sshd with a login of its own. What they
 * run is a stand-in that tells the events of a join: this measures kadm's fan-out alone.
 */
export async function benchFleet(setting: BenchSetting): Promise<FleetFigures> {
  return await onFreshHosts(setting, LAB, 1, async (hosts) => {
    const host = firstOf(hosts);
    setting.say(`${ENDPOINTS} SSH servers on one lab host`);
    await startServers(host, (await sha256File(setting.kadm)) ?? '');
    const home = await mkdtemp(`${tmpdir()}/kadm-fleet-`);
    try {
      const config = `Host *\n  IdentityFile ${labPaths(LAB).sshKey}\n  IdentitiesOnly yes\n`;
      await mkdir(`${home}/.ssh`, { mode: 0o700 });
      await new LocalHost().writeFile(`${home}/.ssh/config`, config, { mode: 0o600 });
      const ports = Array.from({ length: ENDPOINTS }, (_, index) => FIRST_PORT + index);
      const targets = ports.flatMap((port) => ['--ssh', `root@${host.address}:${port}`]);
      const flags = ['--force', '--accept-new-host-keys', '--output', 'json'];
      return await measured([setting.kadm, 'reset', ...flags, ...targets], home);
    } finally {
      await rm(home, { recursive: true });
    }
  });
}

/** Each server takes 16 of the ports, and runs the stand-in whatever is asked of it. */
async function startServers(host: BenchHost, sha256: string): Promise<void> {
  await host.writeFile('/usr/local/bin/stand-in', standIn(sha256), 0o755);
  for (let first = 0; first < ENDPOINTS; first += PORTS_OF_ONE) {
    const count = Math.min(PORTS_OF_ONE, ENDPOINTS - first);
    const ports = Array.from({ length: count }, (_, index) => `Port ${FIRST_PORT + first + index}`);
    const settings = [
      ...ports,
      'AddressFamily inet',
      'PidFile none',
      'HostKey /etc/ssh/ssh_host_ed25519_key',
      'MaxStartups 1000',
      'UsePAM no',
      'ForceCommand /usr/local/bin/stand-in',
    ];
    const file = `/etc/ssh/fleet-${first}`;
    await host.writeFile(file, `${settings.join('\n')}\n`);
    await host.run(['/usr/sbin/sshd', '-f', file]);
  }
}

/** Says that kadm is there, and to kadm's verbs what a join tells. */
function standIn(sha256: string): string {
  const path: string[] = [];
  const steps = joinPhases.map(({ id, title }) => ({ id, title }));
  const events = [
    { type: 'plan', path, steps },
    ...steps.flatMap(({ id }) => [
      { type: 'started', path: [id] },
      { type: 'progress', path: [id], message: 'what a phase tells while it works' },
      { type: 'finished', path: [id], ms: 100 },
    ]),
    { type: 'result', path, result: { nodeName: 'h1' } },
  ];
  const time = '2026-11-21T12:00:00.000Z';
  const lines = events.map((event) => JSON.stringify({ version: 1, time, ...event })).join('\n');
  return `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
  *kadm\\ reset*) cat >/dev/null; sleep 1; cat <<'EVENTS'
${lines}
EVENTS
  ;;
  *) echo "kadm-hostname $(uname -n)"; echo "${sha256}  /usr/local/bin/kadm" ;;
esac
`;
}

/** Runs kadm, and looks at what it takes until it ends. */
async function measured(argv: readonly string[], home: string): Promise<FleetFigures> {
  const [program = '', ...args] = argv;
  const start = performance.now();
  const env = { ...process.env, HOME: home, SSH_AUTH_SOCK: '', XDG_STATE_HOME: `${home}/state` };
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (piece: Buffer) => {
    said += piece.toString('utf8');
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let [cpuSeconds, memoryKiB] = [0, 0];
  while (child.exitCode === null) {
    const found = await usage(child.pid ?? 0);
    if (found !== undefined) {
      cpuSeconds = Math.max(cpuSeconds, found.cpuSeconds);
      memoryKiB = Math.max(memoryKiB, found.peakKiB);
    }
    await sleep(SAMPLE_MS);
  }
  await ended;
  return {
    endpoints: ENDPOINTS,
    done: doneIn(said),
    seconds: (performance.now() - start) / 1000,
    cpuMsPerHost: (cpuSeconds * 1000) / ENDPOINTS,
    memoryMiB: memoryKiB / 1024,
  };
}

/** How many hosts the result event of the run calls done. */
function doneIn(said: string): number {
  const results = said.split('\n').filter((line) => line.includes('"result":{"hosts":'));
  const last = JSON.parse(results.at(-1) ?? '{}') as { result?: { hosts?: readonly { result: string }[] } };
  return last.result?.hosts?.filter(({ result }) => result === 'done').length ?? 0;
}

async function usage(pid: number): Promise<{ cpuSeconds: number; peakKiB: number } | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const peakKiB = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    return { cpuSeconds: secondsIn(stat), peakKiB };
  } catch {
    // It has just ended.
    return undefined;
  }
}
