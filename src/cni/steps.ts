import { FAMILY, type Family, familyOf } from '../config/family.ts';
import type { HostInterface } from './actual.ts';
import type { Step, StepKind } from './diff.ts';

export function ip(kind: StepKind, ...words: string[]): Step {
  return { tool: 'ip', kind, words };
}

export function bridge(kind: StepKind, ...words: string[]): Step {
  return { tool: 'bridge', kind, words };
}

export function removeLink(kind: StepKind, name: string): Step {
  return ip(kind, 'link', 'delete', 'dev', name);
}

/** Makes `wanted`, such as 10.244.1.1/24, the only address of its family that a device has. */
export function addressSteps(device: string, wanted: string, present: HostInterface): Step[] {
  const found = addressesOf(present, FAMILY[familyOfCidr(wanted)].inet);
  return [
    ...found
      .filter((one) => one !== wanted)
      .map((one) => ip('address', 'address', 'delete', one, 'dev', device)),
    ...(found.includes(wanted) ? [] : [addAddress(device, wanted)]),
  ];
}

export function addAddress(device: string, cidr: string): Step {
  // Nobody else has it: until the kernel had made sure (RFC 4862, 5.4), nothing could be sent from it.
  const certain = familyOfCidr(cidr) === 6 ? ['nodad'] : [];
  return ip('address', 'address', 'add', cidr, 'dev', device, ...certain);
}

/** Of one family, with their prefixes; those that the kernel gives to each link by itself are not among them. */
export function addressesOf({ addresses }: HostInterface, family: string): string[] {
  return addresses.flatMap((one) =>
    one.family === family && !isLinkLocal(one.address) ? [`${one.address}/${one.prefix}`] : [],
  );
}

/** Of IPv6 (RFC 4291, 2.5.6). */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/.test(address);
}

function familyOfCidr(cidr: string): Family {
  return familyOf(cidr.slice(0, cidr.indexOf('/')));
}
