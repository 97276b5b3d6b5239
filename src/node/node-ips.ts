import { z } from 'zod';
import type { Cidr } from '../config/cidr.ts';
import { FAMILY, type Family, familyOf } from '../config/family.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';

const linksSchema = z.array(
  z.object({
    ifname: z.string(),
    addr_info: z.array(
      z.object({
        family: z.string(),
        local: z.string().optional(),
        scope: z.string().optional(),
        deprecated: z.boolean().default(false),
        temporary: z.boolean().default(false),
      }),
    ),
  }),
);

/** The families of these networks, the primary one first. */
export function familiesOf(cidrs: readonly Pick<Cidr, 'family'>[]): Family[] {
  return [...new Set(cidrs.map(({ family }) => family))];
}

/**
 * This node's addresses as the kubelet takes them (`--node-ip`): those that were given; in a cluster of both families
 * the one that was given and the first of the other family on the same interface, the cluster's primary family first.
 * @param given one address, or two with a comma between them
 * @param families of the cluster, the primary one first
 * @throws UserError (preflight) where that interface has no address of the other family
 */
export async function nodeIPs(host: Host, given: string, families: readonly Family[]): Promise<string> {
  const [address = '', second] = given.split(',');
  if (second !== undefined || families.length < 2) return given;
  const { stdout } = await host.query(['ip', '-json', 'address', 'show']);
  return withOtherFamily(stdout, address, families);
}

/** @param json what `ip -json address show` prints */
export function withOtherFamily(json: string, address: string, families: readonly Family[]): string {
  const links = linksSchema.parse(JSON.parse(json));
  const link = links.find(({ addr_info }) => addr_info.some(({ local }) => local === address));
  const own = familyOf(address);
  const other = families.find((family) => family !== own) ?? own;
  // Temporary ones change, deprecated ones are about to go (RFC 8981, RFC 4862).
  const found = link?.addr_info.find(
    ({ family, scope, deprecated, temporary }) =>
      family === FAMILY[other].inet && scope === 'global' && !deprecated && !temporary,
  )?.local;
  if (found !== undefined) return (families[0] === own ? [address, found] : [found, address]).join(',');
  throw new UserError(
    `the cluster has IPv4 and IPv6, and ${link === undefined ? `no interface has ${address}` : `${link.ifname}, which has ${address}, has no ${FAMILY[other].name} address`}`,
    {
      remedy:
        'give that interface one, or name both addresses: node-ip in nodeRegistration.kubeletExtraArgs, with a comma',
      exitCode: EXIT.preflight,
    },
  );
}
