import { setTimeout as sleep } from 'node:timers/promises';
import type { LabHost } from '../../src/lab/lab-host.ts';

/** What can be seen of a host, as sorted lines by aspect. */
export type HostSnapshot = Readonly<Record<string, readonly string[]>>;

/** Folders whose content belongs to the running system, to logs or to package caches. */
const LEFT_OUT = [
  '/proc',
  '/sys',
  '/dev',
  '/var/log',
  '/var/cache/apt',
  '/var/cache/kadm',
  '/var/lib/apt',
  '/var/lib/systemd',
  '/run/systemd',
  '/run/log',
  '/run/dbus',
  '/run/user',
  '/run/sshd',
  '/run/lock',
  '/run/utmp',
  '/run/motd.dynamic',
  '/run/mount',
] as const;

/** Settings that count or measure, rather than set. */
const MEASURES =
  /^(fs\.(file-nr|inode|dentry|aio-nr|quota)|kernel\.(random|ns_last_pid|pty\.nr|sched)|vm\.stat|net\.netfilter\.nf_conntrack_count|kernel\.spl|sunrpc)/;

/** Units that come and go with logins and with time. */
const PASSING_UNITS =
  /^(session-|user-|user@|user-runtime-dir@|run-|systemd-tmpfiles|dev-|sys-|proc-sys-fs-binfmt|sshd@|logrotate|.*\.device)/;

/** Processes of the look itself, of logins and of the kernel. */
const PASSING_PROCESSES =
  /^(\[|ps |find |sha256sum |nft |cat |ip |sysctl |systemctl |\(sd-pam\)|sshd|sshd-session|-bash|bash|sh |.*systemd --user|sd-pam|runc|\(|\/lib\/systemd\/systemd --user|\/usr\/lib\/systemd\/systemd --user)/;

const SETTLING_MS = 10_000;

/** Looks at everything that kadm, a cluster and its network could have left on a host. */
export async function snapshotHost(host: LabHost): Promise<HostSnapshot> {
  // A host that has just started answers SSH before it knows all of its units.
  await host.exec(['systemctl', 'is-system-running', '--wait'], { allowFailure: true });
  await untilAddressesAreSettled(host);
  const [
    files,
    contents,
    mounts,
    links,
    addresses,
    routes,
    rules,
    nft,
    sysctls,
    units,
    unitFiles,
    processes,
    cgroups,
  ] = await Promise.all([
    ask(host, findFiles()),
    ask(host, ['find', '/etc', '/usr/local', '/opt', '/root', '-type', 'f', '-exec', 'sha256sum', '{}', '+']),
    ask(host, ['cat', '/proc/self/mounts']),
    ask(host, ['ip', '-oneline', 'link', 'show']),
    ask(host, ['ip', '-oneline', 'addr', 'show']),
    both(host, 'route', 'show', 'table', 'all'),
    both(host, 'rule', 'show'),
    ask(host, ['nft', 'list', 'ruleset']),
    ask(host, ['sysctl', '--all', '--ignore']),
    ask(host, ['systemctl', 'list-units', '--all', '--plain', '--no-legend', '--no-pager']),
    ask(host, ['systemctl', 'list-unit-files', '--plain', '--no-legend', '--no-pager']),
    ask(host, ['ps', '-eo', 'args']),
    ask(host, ['find', '/sys/fs/cgroup', '-type', 'd', '-name', '*kube*']),
  ]);
  return {
    files: files.map(withoutBoot),
    contents,
    mounts: mounts.filter((line) => !line.includes('/run/user/')),
    links: links.map((line) => line.replace(/^\d+: /, '')),
    addresses: addresses.map((line) => line.replace(/^\d+: /, '').replace(/valid_lft.*$/, '')),
    routes,
    rules,
    nft,
    sysctls: sysctls.filter((line) => !MEASURES.test(line)),
    units: units.map((line) => line.split(/\s+/)[0] ?? '').filter((name) => !PASSING_UNITS.test(name)),
    unitFiles: unitFiles.filter((line) => !PASSING_UNITS.test(line)),
    processes: [...new Set(processes.filter((line) => !PASSING_PROCESSES.test(line)))],
    cgroups,
  };
}

/** systemd gives each boot's private folders of a unit names of their own. */
function withoutBoot(line: string): string {
  return line.replace(/systemd-private-[0-9a-f]+-(\S+\.service)-\w+/, 'systemd-private-$1');
}

/** A host that has just started still makes sure that nobody else has its IPv6 address (RFC 4862, 5.4). */
async function untilAddressesAreSettled(host: LabHost): Promise<void> {
  const end = performance.now() + SETTLING_MS;
  while ((await ask(host, ['ip', '-6', 'addr', 'show', 'tentative'])).length > 0) {
    if (performance.now() > end) throw new Error(`an address of ${host.name} stays tentative`);
    await sleep(100);
  }
}

/** Lines that are only in one of two snapshots: `aspect - line` was there before, `aspect + line` is new. */
export function differences(before: HostSnapshot, after: HostSnapshot): string[] {
  return Object.keys(before).flatMap((aspect) => {
    const old = new Set(before[aspect]);
    const now = new Set(after[aspect]);
    const gone = [...old].filter((line) => !now.has(line)).map((line) => `${aspect} - ${line}`);
    const come = [...now].filter((line) => !old.has(line)).map((line) => `${aspect} + ${line}`);
    return [...gone, ...come];
  });
}

function findFiles(): string[] {
  const prune = LEFT_OUT.flatMap((path, index) => [...(index === 0 ? [] : ['-o']), '-path', path]);
  const printed = [
    '(',
    '-type',
    'd',
    '-printf',
    '%p/ %m %u:%g\\n',
    ')',
    '-o',
    '-printf',
    '%p %y %m %u:%g %s %l\\n',
  ];
  return ['find', '/', '(', ...prune, ')', '-prune', '-o', ...printed];
}

/** What `ip` says in each family. */
async function both(host: LabHost, ...words: string[]): Promise<string[]> {
  const families = ['-4', '-6'].map((family) => ask(host, ['ip', family, ...words]));
  return (await Promise.all(families)).flat();
}

async function ask(host: LabHost, argv: readonly string[]): Promise<string[]> {
  const { stdout } = await host.exec(argv, { allowFailure: true, timeoutMs: 120_000 });
  return stdout
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .sort();
}
