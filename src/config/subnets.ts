import { z } from 'zod';
import { type Cidr, parseCidr } from './cidr.ts';
import { FAMILY } from './family.ts';
import { specialNetwork } from './special-ranges.ts';

/** What is wrong with a network; undefined where nothing is. */
type Rule = (cidr: Cidr) => string | undefined;

/** The networks of pods: one CIDR, or two of different families, separated by a comma (dual-stack). */
export const podSubnetSchema = cidrList([specialNetwork]);

/** Those of Services, likewise. */
export const serviceSubnetSchema = cidrList([specialNetwork, unfitForServices]);

/** The API server does not start with more addresses of Services than 2^20. */
const MAX_SERVICE_BITS = 20;

/** The cluster's DNS server has the address at distance 10 (kubeadm's GetDNSIP), so that a network of 2^4 is the smallest. */
const MIN_SERVICE_BITS = 4;

function unfitForServices({ text, family, prefix }: Cidr): string | undefined {
  const { bits } = FAMILY[family];
  if (prefix < bits - MAX_SERVICE_BITS)
    return `${text} is too large for Services: the prefix is at least ${bits - MAX_SERVICE_BITS}`;
  if (prefix > bits - MIN_SERVICE_BITS)
    return `${text} is too small for Services, of which the cluster’s DNS is the tenth: the prefix is at most ${bits - MIN_SERVICE_BITS}`;
  return undefined;
}

function cidrList(rules: readonly Rule[]): z.ZodString {
  return z.string().superRefine((text, context) => {
    const message = problemOf(text, rules);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

function problemOf(text: string, rules: readonly Rule[]): string | undefined {
  let cidrs: Cidr[];
  try {
    cidrs = parseCidrs(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (cidrs.length > 2 || (cidrs.length === 2 && cidrs[0]?.family === cidrs[1]?.family))
    return 'holds more than one CIDR of a family';
  for (const cidr of cidrs) {
    for (const rule of rules) {
      const message = rule(cidr);
      if (message !== undefined) return message;
    }
  }
  return undefined;
}

/** The CIDRs of such a list. @throws Error saying what is wrong with one */
export function parseCidrs(text: string): Cidr[] {
  return text.split(',').map((part) => parseCidr(part.trim()));
}
