import { readdir, readFile } from 'node:fs/promises';
import { interfaceName } from '../../src/lab/names.ts';
import { labNames } from '../../src/lab/record.ts';

/** What a lab could leave on the machine, as lines that can be compared. */
export interface MachineSnapshot {
  readonly mounts: string[];
  readonly namespaces: string[];
  readonly links: string[];
  readonly cgroups: string[];
  readonly processes: string[];
  readonly files: string[];
  readonly sysctls: string[];
}

/** Folders that labs write to, or whose entries tell of what they write. */
const FOLDERS = [
  '/etc',
  '/run',
  '/run/lock',
  '/run/kadm-lab',
  '/run/kadm-lab/runc',
  '/var/lib',
  '/var/lib/kadm-lab',
];

/** Comes and goes with the work on any lab; one that is left shows as /run/kadm-lab. */
const LOCKS = '/run/kadm-lab/locks';

/** Values that change by themselves, or are none (writing or reading them does something). */
const VOLATILE =
  /\/(random|quota|sched_domain)\/|\/(ns_last_pid|nr|dentry-state|file-nr|inode-nr|inode-state|aio-nr|stat_refresh|nf_conntrack_count|flush|compact_memory|drop_caches)$|\/(conf|neigh)\//;

/**
 * @param labs those that the comparison is about; what belongs to other labs of the machine is left out
 */
export async function takeSnapshot(labs: readonly string[]): Promise<MachineSnapshot> {
  const others = (await labNames()).filter((name) => !labs.includes(name));
  const own = (line: string): boolean => !others.some((lab) => belongsTo(lab, line));
  const [mounts, namespaces, links, cgroups, processes, files, sysctls] = await Promise.all([
    readFile('/proc/self/mounts', 'utf8'),
    names('/run/netns'),
    names('/sys/class/net'),
    labCgroups(),
    labProcesses(own),
    Promise.all(FOLDERS.map(async (folder) => (await names(folder)).map((name) => `${folder}/${name}`))),
    settings('/proc/sys'),
  ]);
  return {
    mounts: mounts.trim().split('\n').filter(own).sort(),
    namespaces: namespaces.filter(own),
    links: links.filter(own),
    cgroups: cgroups.filter(own),
    processes,
    files: files.flat().filter((file) => own(file) && file !== LOCKS),
    sysctls: sysctls.sort(),
  };
}

/** Whether a line names something of a lab: a path, a cgroup, a namespace, a container or its interface. */
function belongsTo(lab: string, line: string): boolean {
  const pattern = new RegExp(`kadm-lab/${lab}(?![a-z0-9-])|kadm-${lab}(-h[0-9]+)?(?![a-z0-9-])`);
  return pattern.test(line) || line === interfaceName(lab);
}

async function names(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

/** The cgroup kadm-lab of each hierarchy, with the labs in it. */
async function labCgroups(): Promise<string[]> {
  const top = '/sys/fs/cgroup';
  const hierarchies = [top, ...(await names(top)).map((name) => `${top}/${name}`)];
  const found = await Promise.all(
    hierarchies.map(async (hierarchy) => {
      if (!(await names(hierarchy)).includes('kadm-lab')) return [];
      return ['', ...(await names(`${hierarchy}/kadm-lab`))].map((name) => `${hierarchy}/kadm-lab/${name}`);
    }),
  );
  return found.flat();
}

async function labProcesses(own: (line: string) => boolean): Promise<string[]> {
  const pids = (await names('/proc')).filter((name) => /^[0-9]+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => {
      const cgroup = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
      const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').join(' ');
      // Ended, and only waiting to be reaped by the machine's PID 1.
      if (/^State:\tZ/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tZ')))
        return [];
      const ours =
        cgroup.includes('/kadm-lab/') || argv.includes('/run/kadm-lab') || argv.includes('debootstrap');
      return ours && own(cgroup) && own(argv) ? [`${pid} ${argv}`] : [];
    }),
  );
  return lines.flat();
}

async function settings(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return VOLATILE.test(`${path}/`) ? [] : await settings(path);
      if (VOLATILE.test(path)) return [];
      const value = await readFile(path, 'utf8').catch(() => undefined);
      return value === undefined ? [] : [`${path} = ${value.trim()}`];
    }),
  );
  return found.flat();
}
