import { addressAt } from '../config/cidr.ts';
import { FAMILY } from '../config/family.ts';
import type { Actual, HostInterface } from './actual.ts';
import { BRIDGE, type BridgeLink, type FamilyNetwork } from './desired.ts';
import type { Step } from './diff.ts';
import { isMarked, OWNER_ALIAS } from './ownership.ts';
import { routeInTheWay } from './routes.ts';
import { addAddress, addressesOf, addressSteps, bridge, ip, isLinkLocal, removeLink } from './steps.ts';
import { linkLocalAddress } from './vtep.ts';

/**
 * What makes the pods' bridge what it should be, with all running pods plugged in. The CNI plugin would make a
 * bridge too, but only when the next pod starts, and without the pods of before.
 * @returns undefined where another program has a device of that name
 */
export function bridgeSteps(link: BridgeLink, actual: Actual, conflicts: string[]): Step[] | undefined {
  const present = actual.interfaces.find(({ name }) => name === link.name);
  if (present !== undefined && !isOwnBridge(present, link)) {
    conflicts.push(
      `device ${link.name} is another program's: where that runs no more, remove it (ip link delete ${link.name})`,
    );
    return undefined;
  }
  // Ours under another name.
  const stale = actual.interfaces.filter(
    (one) => one.kind === 'bridge' && isMarked(one) && one.name !== link.name,
  );
  return [
    ...(present === undefined ? newBridge(link) : repairs(link, present)),
    ...portSteps(link, actual, stale),
    ...stale.map(({ name }) => removeLink('bridge', name)),
  ];
}

/** By its mark; or as the CNI plugin makes it, which may be faster than we: with our address or none yet. */
function isOwnBridge(present: HostInterface, link: BridgeLink): boolean {
  const found = ['inet', 'inet6'].flatMap((family) => addressesOf(present, family));
  const others = found.filter((one) => !link.addresses.includes(one));
  return present.kind === 'bridge' && (isMarked(present) || others.length === 0);
}

function newBridge(link: BridgeLink): Step[] {
  const set = setter(link);
  return [
    ip('bridge', 'link', 'add', 'name', link.name, 'address', link.mac, 'type', 'bridge'),
    set('alias', OWNER_ALIAS),
    // Set afterwards, or the bridge would follow the MTU of what is plugged in.
    set('mtu', String(link.mtu)),
    ...[...link.addresses, ...linkLocal(link)].map((address) => addAddress(link.name, address)),
    set('up'),
  ];
}

/**
 * With IPv6 the bridge needs one: the kernel asks for the neighbour that a forwarded packet goes to from it alone
 * (net/ipv6/ndisc.c: ndisc_send_ns). It gives the bridge one with its first pod, but none again when that is removed.
 */
function linkLocal({ mac, addresses }: BridgeLink): string[] {
  return addresses.some((address) => address.includes(':')) ? [`${linkLocalAddress(mac)}/64`] : [];
}

function repairs(link: BridgeLink, present: HostInterface): Step[] {
  const set = setter(link);
  return [
    ...(isMarked(present) ? [] : [set('alias', OWNER_ALIAS)]),
    ...(present.mac === link.mac ? [] : [set('address', link.mac)]),
    ...(present.mtu === link.mtu ? [] : [set('mtu', String(link.mtu))]),
    ...link.addresses.flatMap((address) => addressSteps(link.name, address, present)),
    ...(present.addresses.some(({ address }) => isLinkLocal(address))
      ? []
      : linkLocal(link).map((address) => addAddress(link.name, address))),
    ...(present.up ? [] : [set('up')]),
  ];
}

/** A pod also reaches itself through its Service: packets go out by the port that they came in by (hairpin). */
function portSteps(link: BridgeLink, actual: Actual, stale: readonly HostInterface[]): Step[] {
  const moved = actual.interfaces.filter(
    ({ kind, master }) => kind === 'veth' && stale.some(({ name }) => name === master),
  );
  return [...actual.unplugged, ...moved.map(({ name }) => name)].flatMap((name) => [
    ip('bridge', 'link', 'set', 'dev', name, 'master', link.name),
    bridge('bridge', 'link', 'set', 'dev', name, 'hairpin', 'on'),
  ]);
}

/**
 * The route to the pods of this host itself. The kernel makes it with the address of the bridge, and not again when that
 * stays and the route alone is removed: so it is given back as the kernel has it.
 */
export function ownPodsSteps(
  { family, podCidr }: FamilyNetwork,
  { interfaces, networks }: Actual,
  conflicts: string[],
): Step[] {
  const { inet, connectedMetric } = FAMILY[family];
  const gateway = addressAt(podCidr, 1);
  const present = interfaces.find(({ name }) => name === BRIDGE);
  // With what is missing here the route comes by itself.
  if (present?.up !== true || !addressesOf(present, inet).includes(`${gateway}/${podCidr.prefix}`)) return [];
  const routes = networks.get(family)?.routes.filter(({ dst }) => dst === podCidr.text) ?? [];
  if (routes.some(({ device }) => device === BRIDGE)) return [];
  const holder = routes.find(({ metric }) => metric <= connectedMetric);
  if (holder !== undefined) {
    conflicts.push(routeInTheWay(podCidr.text, holder.device));
    return [];
  }
  const way = family === 4 ? ['scope', 'link', 'src', gateway] : ['metric', String(connectedMetric)];
  return [ip('bridge', 'route', 'replace', podCidr.text, 'dev', BRIDGE, 'proto', 'kernel', ...way)];
}

function setter({ name }: BridgeLink): (...words: string[]) => Step {
  return (...words) => ip('bridge', 'link', 'set', 'dev', name, ...words);
}
