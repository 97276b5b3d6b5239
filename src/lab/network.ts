import { z } from 'zod';
import { runCommand } from '../host/command.ts';
import { exists } from '../host/host.ts';
import { interfaceName, isNetnsOf, netnsName } from './names.ts';
import { gatewayOf, type HostAddress, hostsOf, type LabRecord } from './record.ts';

const BRIDGE = 'br0';
/** The end in the lab's namespace of the machine's own cable. */
const UPLINK = 'machine';
const MTU = 1500;
const KERNEL_HAS_IPV6 = '/proc/net/if_inet6';

const linkSchema = z.array(z.object({ ifname: z.string().optional() }));
const netnsSchema = z.array(z.object({ name: z.string() }));

/**
 * Makes what is missing of a lab's network: a namespace with a bridge, one namespace a host with eth0 on that
 * bridge, and the machine's own interface with the gateway address. Nothing on the machine forwards. IPv6 leads from
 * host to host, and nowhere else.
 */
export async function ensureNetwork(record: LabRecord): Promise<void> {
  const namespaces = await listNetns();
  const ours = [record.name, ...hostsOf(record).map((host) => host.name)].map((host, index) =>
    index === 0 ? netnsName(record.name) : netnsName(record.name, host),
  );
  for (const netns of ours) {
    if (!namespaces.includes(netns)) await runCommand(['ip', 'netns', 'add', netns]);
  }
  const lab = netnsName(record.name);
  const links = await listLinks(lab);
  await ipBatch(lab, [
    ...(links.includes(BRIDGE) ? [] : [`link add ${BRIDGE} type bridge stp_state 0 forward_delay 0`]),
    'link set lo up',
    `link set ${BRIDGE} mtu ${MTU} up`,
  ]);
  await ensureUplink(record, links);
  for (const host of hostsOf(record)) await ensureHostCable(record, host, links);
}

async function ensureUplink(record: LabRecord, links: readonly string[]): Promise<void> {
  const outside = interfaceName(record.name);
  const lab = netnsName(record.name);
  const add = `link add ${outside} mtu ${MTU} type veth peer name ${UPLINK} mtu ${MTU} netns ${lab}`;
  await ipBatch(undefined, [
    ...(links.includes(UPLINK) ? [] : [add]),
    `address replace ${gatewayOf(record)}/24 dev ${outside}`,
    `link set ${outside} up`,
  ]);
  await ipBatch(lab, [`link set ${UPLINK} master ${BRIDGE} up`]);
}

async function ensureHostCable(
  record: LabRecord,
  host: HostAddress,
  links: readonly string[],
): Promise<void> {
  const lab = netnsName(record.name);
  const inside = netnsName(record.name, host.name);
  const add = `link add ${host.name} mtu ${MTU} type veth peer name eth0 mtu ${MTU} netns ${inside}`;
  await ipBatch(lab, [
    ...(links.includes(host.name) ? [] : [add]),
    `link set ${host.name} master ${BRIDGE} up`,
  ]);
  // Nobody else has it, so nobody is asked; a host that has just come up can be reached by it at once.
  const ipv6 = (await exists(KERNEL_HAS_IPV6)) ? [`address replace ${host.ipv6}/64 dev eth0 nodad`] : [];
  await ipBatch(inside, [
    'link set lo up',
    `address replace ${host.address}/24 dev eth0`,
    ...ipv6,
    'link set eth0 up',
    `route replace default via ${gatewayOf(record)}`,
  ]);
}

/** Removes a lab's namespaces, with all that is in them, and the machine's interface; by name. */
export async function removeNetwork(lab: string): Promise<void> {
  const outside = interfaceName(lab);
  if ((await listLinks()).includes(outside)) await runCommand(['ip', 'link', 'delete', outside]);
  for (const netns of await listNetns()) {
    if (isNetnsOf(lab, netns)) await runCommand(['ip', 'netns', 'delete', netns]);
  }
}

/** What of a lab's network there is: namespaces and the machine's interface. */
export async function networkRemains(lab: string): Promise<string[]> {
  const [links, namespaces] = await Promise.all([listLinks(), listNetns()]);
  return [
    ...links.filter((name) => name === interfaceName(lab)).map((name) => `network interface ${name}`),
    ...namespaces.filter((name) => isNetnsOf(lab, name)).map((name) => `network namespace ${name}`),
  ];
}

async function listNetns(): Promise<string[]> {
  const { stdout } = await runCommand(['ip', '-json', 'netns', 'list']);
  return netnsSchema.parse(parseJson(stdout)).map(({ name }) => name);
}

async function listLinks(netns?: string): Promise<string[]> {
  const { stdout } = await runCommand(['ip', ...(netns === undefined ? [] : ['-n', netns]), '-json', 'link']);
  return linkSchema.parse(parseJson(stdout)).flatMap(({ ifname }) => ifname ?? []);
}

/** `ip -json` says nothing at all, instead of an empty list, where there is nothing. */
function parseJson(text: string): unknown {
  return text.trim() === '' ? [] : JSON.parse(text);
}

async function ipBatch(netns: string | undefined, lines: readonly string[]): Promise<void> {
  const where = netns === undefined ? [] : ['-n', netns];
  await runCommand(['ip', ...where, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}
