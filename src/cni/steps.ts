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

/** Makes `wanted`, such as 10.244.1.1/24, the only IPv4 address of a device. */
export function addressSteps(device: string, wanted: string, present: HostInterface): Step[] {
  const found = present.addresses.flatMap(({ address, prefix, family }) =>
    family === 'inet' ? [`${address}/${prefix}`] : [],
  );
  const step = (verb: string, cidr: string): Step => ip('address', 'address', verb, cidr, 'dev', device);
  return [
    ...found.filter((one) => one !== wanted).map((one) => step('delete', one)),
    ...(found.includes(wanted) ? [] : [step('add', wanted)]),
  ];
}
