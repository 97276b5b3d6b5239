import { EXIT, UserError } from '../errors.ts';
import { type Cidr, overlaps, parseCidr } from './cidr.ts';
import { DEFAULTS } from './defaults.ts';
import { FAMILY, familyOf } from './family.ts';
import {
  absolutePathSchema,
  certificateKeySchema,
  cidrListSchema,
  endpointSchema,
  secondsOf,
} from './fields.ts';

/** Readers of single values, from flags and documents alike. What they refuse is wrong usage, by the flag's name. */

/** `host:port`, with the API server's usual port where none is given. */
export function endpointWithPort(endpoint: string): string {
  return /^(\[.*\]|[^:]*):\d+$/.test(endpoint) ? endpoint : `${endpoint}:${DEFAULTS.apiPort}`;
}

/** The host of HOST or HOST:PORT, an IPv6 address without its brackets. */
export function hostOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

/** @throws UserError (usage) */
export function absolutePath(flag: string, text: string): string {
  if (absolutePathSchema.safeParse(text).success) return text;
  throw usage(`${flag}: ${JSON.stringify(text)} is not a path from the root on`, 'begin it with /');
}

export function cidrs(flag: string, text: string): Cidr[] {
  const checked = cidrListSchema.safeParse(text);
  if (!checked.success) throw usage(`${flag}: ${firstIssue(checked.error)}`);
  return text.split(',').map((part) => parseCidr(part.trim()));
}

export function checkEndpoint(flag: string, text: string): void {
  const checked = endpointSchema.safeParse(text);
  if (!checked.success) throw usage(`${flag}: ${JSON.stringify(text)} ${firstIssue(checked.error)}`);
}

export function refuseOverlap(pods: readonly Cidr[], services: readonly Cidr[]): void {
  for (const pod of pods) {
    for (const service of services) {
      if (!overlaps(pod, service)) continue;
      throw usage(
        `--pod-network-cidr ${pod.text} and --service-cidr ${service.text} overlap`,
        'choose two networks that share no address, such as 10.244.0.0/16 and 10.96.0.0/12',
      );
    }
  }
}

/**
 * In which families a cluster can be: the first CIDR of pods and of Services, and the API server's address, are of
 * its primary family, and Services are in no family that pods are not in. The components do not start, or Services
 * lead nowhere, otherwise.
 * @throws UserError (usage)
 */
export function checkFamilies(address: string, pods: readonly Cidr[], services: readonly Cidr[]): void {
  const names = (cidrs: readonly Cidr[]): string => cidrs.map(({ text }) => text).join(',');
  const primary = services[0];
  const other = services.find(({ family }) => !pods.some((pod) => pod.family === family));
  if (other !== undefined) {
    throw usage(
      `--service-cidr ${names(services)} has ${FAMILY[other.family].name}, and --pod-network-cidr ${names(pods)} has not`,
      'give pods and Services networks of the same families',
    );
  }
  if (primary === undefined || pods[0] === undefined) return;
  if (primary.family !== pods[0].family) {
    throw usage(
      `--pod-network-cidr ${names(pods)} and --service-cidr ${names(services)} begin with different families`,
      'the first of each is of the cluster’s primary family: write both in the same order',
    );
  }
  if (primary.family !== familyOf(address)) {
    const { name } = FAMILY[primary.family];
    throw usage(
      `the API server’s address ${address} is not ${name}, which --service-cidr ${names(services)} begins with`,
      `give --apiserver-advertise-address an ${name} address of this host, or the networks of the other family first`,
    );
  }
}

/** The name of a tunnel device has the VNI in it. @throws UserError (usage) */
export function checkVni(vni: number, pods: readonly Cidr[]): void {
  for (const { family } of pods) {
    const { name, tunnel, maxVni } = FAMILY[family];
    if (vni <= maxVni) continue;
    throw usage(
      `--network-vni: ${vni} is too large for ${name}: the name of the device ${tunnel}${vni} would have more than 15 characters`,
      `at most ${maxVni}`,
    );
  }
}

const MAX_SERVICE_BITS = 20;
const MAX_NODE_BITS = 16;
const DEFAULT_NODE_MASK = { 4: 24, 6: 64 } as const;

/**
 * Sizes that the components would not start with (kubeadm's validation): more than 2^20 addresses of Services, or pod
 * networks that hold no node's network or more than 2^16 of them.
 * @param nodeMask prefix of a node's network, by what the controller manager is told
 * @throws UserError (usage)
 */
export function checkSizes(
  pods: readonly Cidr[],
  services: readonly Cidr[],
  nodeMask: (family: 4 | 6) => number | undefined,
): void {
  for (const { text, family, prefix } of services) {
    const smallest = (family === 4 ? 32 : 128) - MAX_SERVICE_BITS;
    if (prefix < smallest)
      throw usage(`--service-cidr: ${text} is too large for Services`, `the prefix is at least ${smallest}`);
  }
  for (const { text, family, prefix } of pods) {
    const mask = nodeMask(family) ?? DEFAULT_NODE_MASK[family];
    if (prefix <= mask && mask - prefix <= MAX_NODE_BITS) continue;
    const option = pods.length > 1 ? `node-cidr-mask-size-ipv${family}` : 'node-cidr-mask-size';
    const what =
      prefix > mask ? `holds no network of a node, which is a /${mask}` : `holds too many networks of nodes`;
    throw usage(
      `--pod-network-cidr: ${text} ${what}`,
      `its prefix is between ${Math.max(0, mask - MAX_NODE_BITS)} and ${mask}; ${option} of the controller manager changes that of nodes`,
    );
  }
}

/** @throws UserError (usage) for what is no certificate key; it is not echoed */
export function checkCertificateKey(text: string): void {
  if (certificateKeySchema.safeParse(text).success) return;
  throw usage('--certificate-key is not 64 hexadecimal digits', '`kadm certs certificate-key` makes one');
}

export function port(flag: string, text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535)
    throw usage(`${flag}: ${text} is not a port number`);
  return number;
}

/** Seconds of a Go duration such as 24h0m0s or 90m; 0 means without end. */
export function duration(flag: string, text: string): number {
  const seconds = secondsOf(text);
  if (seconds === undefined)
    throw usage(`${flag}: ${JSON.stringify(text)} is not a duration such as 24h or 90m`);
  return seconds;
}

/** Seconds as Go writes a duration: 8760h0m0s. */
export function goDuration(seconds: number): string {
  return `${Math.floor(seconds / 3600)}h${Math.floor(seconds / 60) % 60}m${seconds % 60}s`;
}

export function firstIssue(error: { issues: readonly { message: string }[] }): string {
  return error.issues[0]?.message ?? 'is not valid';
}

export function usage(message: string, remedy?: string): UserError {
  return new UserError(message, { exitCode: EXIT.usage, ...(remedy === undefined ? {} : { remedy }) });
}
