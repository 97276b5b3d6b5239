import { ANNOTATION } from '../../src/cni/node-facts.ts';

/** A Node as the API server has it. */
export interface NodeObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: unknown;
  };
  readonly spec: object;
  readonly status: object;
}

/** Where a Node's pods are, and where its tunnel ends. */
export interface ScaleEntry {
  readonly name: string;
  readonly podCidr: string;
  /** First address of the pod CIDR: the peers' next hop. */
  readonly base: string;
  readonly mac: string;
  readonly publicIp: string;
}

/** Of the Node of that number, from 1 on; with another `turn` it has moved to another machine. */
export function scaleEntry(index: number, turn = 0): ScaleEntry {
  const byte = (value: number): string => (value & 0xff).toString(16).padStart(2, '0');
  // The first CIDRs are those of nodes that there are.
  const block = index + 256;
  const base = `10.${128 + (block >> 8)}.${block & 0xff}.0`;
  return {
    name: `scale-${index}`,
    podCidr: `${base}/24`,
    base,
    mac: `06:${byte(turn >> 8)}:${byte(turn)}:00:${byte(index >> 8)}:${byte(index)}`,
    publicIp: `172.${16 + (turn & 0xf)}.${index >> 8}.${index & 0xff}`,
  };
}

/** What the agent of that Node would announce. */
export function announcedAs({ mac, publicIp }: ScaleEntry): Readonly<Record<string, string>> {
  return {
    [ANNOTATION.backendData]: JSON.stringify({ VNI: 1, VtepMAC: mac }),
    [ANNOTATION.publicIp]: publicIp,
  };
}

/** A copy of a real Node, of the same size, under the name, CIDR and addresses of another one. */
export function scaleNode(model: NodeObject, index: number): object {
  const entry = scaleEntry(index);
  const { name, podCidr, publicIp } = entry;
  const { metadata, spec, status } = model;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { ...metadata.labels, 'kubernetes.io/hostname': name },
      annotations: { ...metadata.annotations, ...announcedAs(entry) },
      managedFields: metadata.managedFields,
    },
    spec: { ...spec, podCIDR: podCidr, podCIDRs: [podCidr] },
    status: {
      ...status,
      addresses: [
        { type: 'InternalIP', address: publicIp },
        { type: 'Hostname', address: name },
      ],
    },
  };
}
