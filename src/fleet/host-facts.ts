import { completedInText, LEDGER_FILE, STATE_DIRECTORY } from '../phases/ledger.ts';
import { PRODUCT_UUID_FILE } from '../ssh/host-state.ts';

/** Where kadm and Kubernetes write, and about how much of it is needed, in MiB. */
const PLACES = [
  { path: '/var', needMiB: 2048 },
  { path: '/usr/local', needMiB: 600 },
  { path: '/etc', needMiB: 10 },
  { path: '/tmp', needMiB: 10 },
] as const;
const PORTS = [10248, 10250] as const;
const FILES = ['/etc/kubernetes/kubelet.conf', '/etc/kubernetes/bootstrap-kubelet.conf'] as const;
const MAX_CLOCK_OFFSET_MS = 30_000;
const WORKER_MIB = 512;
const MASTER_MIB = 1700;

/** What `kadm hosts check` finds out about one host. */
export interface HostFacts {
  readonly hostname: string;
  readonly machineId: string;
  readonly productUuid: string;
  readonly os: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** Free space where it matters. */
  readonly places: readonly { readonly path: string; readonly freeMiB: number; readonly writable: boolean }[];
  readonly addresses: readonly string[];
  readonly clockOffsetMs: number | undefined;
  readonly swap: readonly string[];
  /** Of the ports and files that a join needs for itself, those that are taken. */
  readonly takenPorts: readonly string[];
  readonly presentFiles: readonly string[];
  readonly missing: readonly string[];
  /** The verb of kadm that has ended well there. */
  readonly completed: string | undefined;
}

/** Prints what factsIn reads, a line `kadm-NAME VALUE` each; changes nothing that lasts. */
export const FACTS_SCRIPT = `
export LC_ALL=C
say() { echo "kadm-$1 $2"; }
say time "$(date +%s.%N)"
say hostname "$(uname -n)"
say machine-id "$(cat /etc/machine-id 2>/dev/null)"
say product-uuid "$(cat ${PRODUCT_UUID_FILE} 2>/dev/null)"
say os "$(. /etc/os-release 2>/dev/null; echo "$PRETTY_NAME")"
say kernel "$(uname -r)"
say architecture "$(uname -m)"
say cpus "$(getconf _NPROCESSORS_ONLN)"
say memory "$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)"
for place in ${PLACES.map(({ path }) => path).join(' ')}; do
  free=$(df -Pm "$place" 2>/dev/null | awk 'NR == 2 {print $4}')
  probe=$(mktemp "$place/.kadm-XXXXXX" 2>/dev/null) && { rm -f "$probe"; writable=yes; } || writable=no
  say place "$place \${free:-0} $writable"
done
ip -o addr show scope global 2>/dev/null | awk '{print "kadm-address " $2 " " $4}'
awk 'NR > 1 {print "kadm-swap " $1}' /proc/swaps
for port in ${PORTS.join(' ')}; do
  ss -Hltn "sport = :$port" 2>/dev/null | grep -q . && say port "$port"
done
for file in ${FILES.join(' ')}; do [ -e "$file" ] && say file "$file"; done
[ -e /proc/sys/net/bridge ] || modprobe --dry-run br_netfilter 2>/dev/null || say missing "kernel module br_netfilter"
for program in ip ss iptables conntrack mount systemctl; do
  command -v "$program" >/dev/null || say missing "program $program"
done
[ -d /run/systemd/system ] || say missing "systemd as the first process"
grep '"complete"' ${STATE_DIRECTORY}/${LEDGER_FILE} 2>/dev/null
true`;

/** @param now what our clock showed halfway, in milliseconds */
export function factsIn(said: string, now: number): HostFacts {
  const all = (name: string): string[] =>
    [...said.matchAll(new RegExp(`^kadm-${name} (.*)$`, 'gm'))].map(([, value = '']) => value.trim());
  const one = (name: string): string => all(name)[0] ?? '';
  const time = Number(one('time'));
  return {
    hostname: one('hostname'),
    machineId: one('machine-id'),
    productUuid: one('product-uuid'),
    os: one('os'),
    kernel: one('kernel'),
    architecture: one('architecture'),
    cpus: Number(one('cpus')),
    memoryMiB: Number(one('memory')),
    places: all('place').map((text) => {
      const [path = '', free, writable] = text.split(' ');
      return { path, freeMiB: Number(free), writable: writable === 'yes' };
    }),
    addresses: all('address'),
    clockOffsetMs: time > 0 ? Math.round(time * 1000 - now) : undefined,
    swap: all('swap'),
    takenPorts: all('port'),
    presentFiles: all('file'),
    missing: all('missing'),
    completed: completedInText(said),
  };
}

/** What would stop a join, or an init for a control plane; nothing for a host that is a node already. */
export function problemsOf(facts: HostFacts, role: 'control-plane' | 'worker'): string[] {
  if (facts.completed !== undefined) return [];
  const needMiB = role === 'worker' ? WORKER_MIB : MASTER_MIB;
  const offset = facts.clockOffsetMs ?? 0;
  const seconds = Math.round(Math.abs(offset) / 1000);
  return [
    ...(/^(x86_64|amd64|aarch64|arm64)$/.test(facts.architecture)
      ? []
      : [`its processor is ${facts.architecture}: x86_64 or aarch64 is needed`]),
    ...(role === 'control-plane' && facts.cpus < 2 ? [`${facts.cpus} processor: 2 are needed`] : []),
    ...(facts.memoryMiB < needMiB ? [`${facts.memoryMiB} MiB of memory: ${needMiB} are needed`] : []),
    ...facts.places.flatMap(({ path, freeMiB, writable }) => {
      const need = PLACES.find((place) => place.path === path)?.needMiB ?? 0;
      if (!writable) return [`${path} cannot be written to (read-only, or full)`];
      return freeMiB < need ? [`${freeMiB} MiB free on ${path}: ${need} are needed`] : [];
    }),
    ...(Math.abs(offset) > MAX_CLOCK_OFFSET_MS
      ? [
          `its clock is ${seconds} s ${offset > 0 ? 'ahead' : 'behind'}: let chrony or systemd-timesyncd set it`,
        ]
      : []),
    ...(facts.swap.length > 0 ? [`swap is on (${facts.swap.join(', ')}): swapoff -a, and /etc/fstab`] : []),
    ...facts.takenPorts.map((port) => `port ${port} is taken: ss -ltnp 'sport = :${port}' names by what`),
    ...facts.presentFiles.map(
      (file) => `${file} is there: left by another cluster; reset or remove that first`,
    ),
    ...facts.missing.map((what) => `there is no ${what}`),
  ];
}

/** What two hosts must not share, for each host that shares it. */
export function twins(
  all: readonly { readonly host: string; readonly facts: HostFacts }[],
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const shared = [
    ['hostname', (facts: HostFacts) => facts.hostname.toLowerCase()],
    ['machine-id', (facts: HostFacts) => facts.machineId],
    ['product UUID', (facts: HostFacts) => facts.productUuid.toLowerCase()],
  ] as const;
  for (const { host, facts } of all) {
    for (const [what, of] of shared) {
      const others = all.filter(
        (other) => other.host !== host && of(other.facts) === of(facts) && of(facts) !== '',
      );
      if (others.length === 0) continue;
      const names = others.map((other) => other.host).join(', ');
      found.set(host, [...(found.get(host) ?? []), `it has the same ${what} as ${names}`]);
    }
  }
  return found;
}
