import type { Documents } from './schema.ts';
import { usage } from './values.ts';

/** One machine of the file's `spec.hosts`. */
export type HostEntry = NonNullable<NonNullable<Documents['Cluster']>['spec']['hosts']>[number];

/** A part of an address that counts: [11-40], [01-10] with its zeros, or [1,4-6]. Of an IPv6 address it is no part. */
const RANGE = /\[([\d,-]+)\]/;
const MAX_HOSTS = 5000;

/**
 * The machines that a configuration names, those in ranges one by one.
 * @throws UserError (usage) for a range that is none, a host named twice, a name given to many
 */
export function hostEntries(documents: Documents): HostEntry[] {
  const entries = (documents.Cluster?.spec.hosts ?? []).flatMap((entry) => {
    const addresses = expandRange(entry.address);
    for (const field of ['nodeName', 'nodeIP'] as const) {
      if (addresses.length > 1 && entry[field] !== undefined)
        throw usage(`Cluster.spec.hosts: ${entry.address} stands for many hosts`, `leave its ${field} out`);
    }
    if (entry.nodeIP !== undefined && entry.interface !== undefined) {
      throw usage(
        `Cluster.spec.hosts: ${entry.address} has both nodeIP and interface`,
        'leave one of them out',
      );
    }
    return addresses.map((address) => ({ ...entry, address }));
  });
  const seen = new Set<string>();
  for (const { address, user, port } of entries) {
    const key = `${user ?? ''}@${address}:${port ?? ''}`;
    if (seen.has(key)) throw usage(`Cluster.spec.hosts names ${address} twice`, 'leave one of them out');
    seen.add(key);
  }
  for (const field of ['nodeName', 'nodeIP'] as const) refuseShared(entries, field);
  return entries;
}

/** Two nodes with one name or address would take each other's place in the cluster. */
function refuseShared(entries: readonly HostEntry[], field: 'nodeName' | 'nodeIP'): void {
  const owners = new Map<string, string>();
  for (const { address, [field]: value } of entries) {
    if (value === undefined) continue;
    const other = owners.get(value);
    if (other !== undefined) {
      const problem = `Cluster.spec.hosts: ${other} and ${address} have the same ${field} ${value}`;
      throw usage(problem, 'give each its own');
    }
    owners.set(value, address);
  }
}

/** @throws UserError (usage) */
export function expandRange(address: string): string[] {
  const match = RANGE.exec(address);
  if (match === null) return [address];
  const [range, items = ''] = match;
  return items
    .split(',')
    .flatMap((item) => numbersIn(item, address))
    .flatMap((number) => expandRange(address.replace(range, number)));
}

function numbersIn(item: string, address: string): string[] {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(item) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === '' || from > to || to - from >= MAX_HOSTS) {
    throw usage(
      `Cluster.spec.hosts: ${address}: [${item}] is not a range`,
      'write it as [11-40] or [1,4-6], the smaller number first',
    );
  }
  return Array.from({ length: to - from + 1 }, (_, index) =>
    String(from + index).padStart(first.length, '0'),
  );
}
