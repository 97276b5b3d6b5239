import { UserError } from '../../errors.ts';
import { runCommand } from '../../host/command.ts';
import { exists } from '../../host/host.ts';
import type { Phase } from '../../phases/phase.ts';
import type { UpContext } from './context.ts';

const BOUND_MS = 15 * 60_000;

/** Programs that labs, and building their components, use; and the Debian package of each. */
const PROGRAMS: Readonly<Record<string, string>> = {
  debootstrap: 'debootstrap',
  runc: 'runc',
  ip: 'iproute2',
  mount: 'mount',
  unshare: 'util-linux',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  gcc: 'gcc',
};

/** What a package brings that is no program: the pause container is linked with the C library. */
const FILES: Readonly<Record<string, string>> = { '/usr/include/stdio.h': 'libc6-dev' };

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export const machinePackages: Phase<UpContext> = {
  id: 'machine-packages',
  title: 'Packages on this machine',
  needs: [],
  async run(_, step) {
    const missing = await missingPackages();
    if (missing.length === 0) return step.note('all there');
    if (!(await isInstalled('apt-get'))) {
      throw new UserError(`this machine lacks ${missing.join(', ')}`, {
        remedy: 'install them; kadm does so itself where there is apt-get',
      });
    }
    step.progress(`apt-get install ${missing.join(' ')}`);
    const options = { timeoutMs: BOUND_MS, env: { DEBIAN_FRONTEND: 'noninteractive' }, signal: step.signal };
    await runCommand(['apt-get', 'update', '--quiet'], options);
    await runCommand(
      ['apt-get', 'install', '--yes', '--quiet', '--no-install-recommends', ...missing],
      options,
    );
    step.note(`installed ${missing.join(', ')}`);
  },
};

async function missingPackages(): Promise<string[]> {
  const programs = Object.keys(PROGRAMS);
  const there = await Promise.all(programs.map(isInstalled));
  const packages = programs.flatMap((name, index) => (there[index] ? [] : (PROGRAMS[name] ?? [])));
  const files = Object.entries(FILES);
  const present = await Promise.all(files.map(([path]) => exists(path)));
  packages.push(...files.flatMap(([, name], index) => (present[index] ? [] : [name])));
  return [...new Set(packages)].sort();
}

async function isInstalled(program: string): Promise<boolean> {
  const found = await Promise.all(FOLDERS.map((folder) => exists(`${folder}/${program}`)));
  return found.includes(true);
}
