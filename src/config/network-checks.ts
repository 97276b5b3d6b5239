import { type Cidr, overlaps } from './cidr.ts';
import type { ExtraArg } from './control-plane.ts';
import { FAMILY, type Family, familyOf } from './family.ts';
import { usage } from './values.ts';

/** Which networks can be together. Errors call them as their user does. */

/** The CIDRs of a flag or a field. */
export interface NamedCidrs {
  readonly name: string;
  readonly cidrs: readonly Cidr[];
}

/** @throws UserError (usage) */
export function refuseOverlap(pods: NamedCidrs, services: NamedCidrs): void {
  for (const pod of pods.cidrs) {
    for (const service of services.cidrs) {
      if (!overlaps(pod, service)) continue;
      throw usage(
        `${pods.name} ${pod.text} and ${services.name} ${service.text} overlap`,
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
export function checkFamilies(address: string, pods: NamedCidrs, services: NamedCidrs): void {
  const [primary] = services.cidrs;
  const [ofPods] = pods.cidrs;
  const other = services.cidrs.find(({ family }) => !pods.cidrs.some((pod) => pod.family === family));
  if (other !== undefined) {
    throw usage(
      `${textOf(services)} has ${FAMILY[other.family].name}, and ${textOf(pods)} has not`,
      'give pods and Services networks of the same families',
    );
  }
  if (primary === undefined || ofPods === undefined) return;
  if (primary.family !== ofPods.family) {
    throw usage(
      `${textOf(pods)} and ${textOf(services)} begin with different families`,
      'the first of each is of the cluster’s primary family: write both in the same order',
    );
  }
  if (primary.family !== familyOf(address)) {
    const { name } = FAMILY[primary.family];
    throw usage(
      `the API server’s address ${address} is not ${name}, which ${textOf(services)} begins with`,
      `let it advertise an ${name} address of this host, or give the networks of the other family first`,
    );
  }
}

function textOf({ name, cidrs }: NamedCidrs): string {
  return `${name} ${cidrs.map(({ text }) => text).join(',')}`;
}

/** The name of a tunnel device has the VNI in it. @param name of the VNI @throws UserError (usage) */
export function checkVni(name: string, vni: number, pods: readonly Cidr[]): void {
  for (const { family } of pods) {
    const { name: version, tunnel, maxVni } = FAMILY[family];
    if (vni <= maxVni) continue;
    throw usage(
      `${name}: ${vni} is too large for ${version}: the name of the device ${tunnel}${vni} would have more than 15 characters`,
      `at most ${maxVni}`,
    );
  }
}

const MAX_NODE_BITS = 16;
const DEFAULT_NODE_MASK = { 4: 24, 6: 64 } as const;

/**
 * The controller manager does not start with a network of pods that holds no node's network or more than 2^16 of them
 * (kubeadm's validation).
 * @param maskOf the argument that gives the length of a node's network of a family, where one is given
 * @throws UserError (usage)
 */
export function checkNodeNetworks(pods: NamedCidrs, maskOf: (family: Family) => ExtraArg | undefined): void {
  for (const cidr of pods.cidrs) {
    const given = maskOf(cidr.family);
    if (given === undefined) checkPodNetwork(pods, cidr);
    else checkMask(given, pods, cidr);
  }
}

function checkPodNetwork({ name, cidrs }: NamedCidrs, { text, family, prefix }: Cidr): void {
  const mask = DEFAULT_NODE_MASK[family];
  if (prefix <= mask && mask - prefix <= MAX_NODE_BITS) return;
  const option = cidrs.length > 1 ? `node-cidr-mask-size-ipv${family}` : 'node-cidr-mask-size';
  const what =
    prefix > mask ? `holds no network of a node, which is a /${mask}` : `holds too many networks of nodes`;
  throw usage(
    `${name}: ${text} ${what}`,
    `its prefix is between ${mask - MAX_NODE_BITS} and ${mask}; ${option} of the controller manager changes that of nodes`,
  );
}

function checkMask(given: ExtraArg, { name }: NamedCidrs, { text, family, prefix }: Cidr): void {
  const mask = Number(given.value);
  const longest = Math.min(prefix + MAX_NODE_BITS, FAMILY[family].bits);
  if (Number.isInteger(mask) && mask >= prefix && mask <= longest) return;
  throw usage(
    `ClusterConfiguration.controllerManager.extraArgs: ${given.name} ${given.value} does not go with ${name} ${text}`,
    `nodes have parts of that network, at most 2^${MAX_NODE_BITS}: a number between ${prefix} and ${longest}`,
  );
}
