/** flannel's annotations of a Node (flannel's kube subnet manager): what peers need to reach its pods. */
export const ANNOTATION = {
  backendData: 'flannel.alpha.coreos.com/backend-data',
  backendV6Data: 'flannel.alpha.coreos.com/backend-v6-data',
  backendType: 'flannel.alpha.coreos.com/backend-type',
  subnetManager: 'flannel.alpha.coreos.com/kube-subnet-manager',
  publicIp: 'flannel.alpha.coreos.com/public-ip',
  publicIpv6: 'flannel.alpha.coreos.com/public-ipv6',
  /** Ours: the backend that a node has, of which flannel's type tells `auto` and `vxlan` not apart. */
  backend: 'kadm.io/network-backend',
  /** Ours: the backend that `kadm network set` wants a node to have. */
  backendWanted: 'kadm.io/network-backend-wanted',
  /** Ours: why a node has not the backend that it is wanted to have. */
  backendRefused: 'kadm.io/network-backend-refused',
} as const;

/** Those that each family has of its own. */
export const FAMILY_ANNOTATIONS = {
  4: { data: ANNOTATION.backendData, publicIp: ANNOTATION.publicIp },
  6: { data: ANNOTATION.backendV6Data, publicIp: ANNOTATION.publicIpv6 },
} as const;

export type Annotation = (typeof ANNOTATION)[keyof typeof ANNOTATION];

const ANNOTATIONS: readonly Annotation[] = Object.values(ANNOTATION);

/** Longer values are never meant well: the longest honest one, backend-data, has some fifty characters. */
const MAX_ANNOTATION = 512;
const MAX_CIDRS = 8;
/** The longest IPv6 CIDR has 43 characters. */
const MAX_CIDR_TEXT = 64;
const MAX_ADDRESSES = 4;
/** The longest IPv6 address has 39 characters. */
const MAX_ADDRESS_TEXT = 45;

/** What the network keeps of one Node: unchecked text, but bounded in size. */
export interface NodeFacts {
  readonly name: string;
  /** Milliseconds since 1970. Of two Nodes that claim the same, the older one has it. */
  readonly createdAt: number;
  readonly podCidrs: readonly string[];
  readonly annotations: Readonly<Partial<Record<Annotation, string>>>;
  /** Annotations that were longer than any honest one, and are not kept. */
  readonly oversized: readonly Annotation[];
  /** Addresses that the kubelet reports: nobody else may announce them. */
  readonly internalIps: readonly string[];
  /** Kept of this node's own Node only. */
  readonly own: OwnStatus | undefined;
}

export interface OwnStatus {
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
  readonly networkUnavailable:
    | { readonly status: string; readonly reason: string; readonly message: string }
    | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Read by hand: of thousands of Nodes a schema would copy all that is not kept.
 * @param ownName whose status is kept too
 * @throws Error for what is not a Node at all, which the API server never sends
 */
export function nodeFacts(node: unknown, ownName: string): NodeFacts {
  const { metadata, spec, status } = fieldsOf(node);
  const { name, creationTimestamp, annotations } = fieldsOf(metadata);
  if (typeof name !== 'string') throw new Error('a Node without a name');
  return {
    name,
    createdAt: Date.parse(textOf(creationTimestamp)) || 0,
    podCidrs: podCidrsOf(fieldsOf(spec)),
    ...annotationsOf(fieldsOf(annotations)),
    internalIps: internalIps(fieldsOf(status)),
    own: name === ownName ? ownStatus(fieldsOf(status)) : undefined,
  };
}

function podCidrsOf({ podCIDR, podCIDRs }: Fields): string[] {
  const first = textOf(podCIDR);
  const several = listOf(podCIDRs);
  const all = Array.isArray(podCIDRs) && several.every(isText) ? several : first === '' ? [] : [first];
  return all.slice(0, MAX_CIDRS).filter((cidr) => cidr.length <= MAX_CIDR_TEXT);
}

function annotationsOf(all: Fields): Pick<NodeFacts, 'annotations' | 'oversized'> {
  const annotations: Partial<Record<Annotation, string>> = {};
  const oversized: Annotation[] = [];
  for (const key of ANNOTATIONS) {
    const value = all[key];
    if (typeof value !== 'string') continue;
    if (value.length <= MAX_ANNOTATION) annotations[key] = value;
    else oversized.push(key);
  }
  return { annotations, oversized };
}

function internalIps(status: Fields): string[] {
  return addressesOf(status)
    .flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : []))
    .filter((address) => address.length <= MAX_ADDRESS_TEXT)
    .slice(0, MAX_ADDRESSES);
}

function addressesOf({ addresses }: Fields): OwnStatus['addresses'] {
  return listOf(addresses).map((one) => {
    const { type, address } = fieldsOf(one);
    return { type: textOf(type), address: textOf(address) };
  });
}

function ownStatus(status: Fields): OwnStatus {
  const condition = listOf(status.conditions)
    .map(fieldsOf)
    .find(({ type }) => type === 'NetworkUnavailable');
  return {
    addresses: addressesOf(status),
    networkUnavailable:
      condition === undefined
        ? undefined
        : {
            status: textOf(condition.status),
            reason: textOf(condition.reason),
            message: textOf(condition.message),
          },
  };
}

/** Those of an object; none of what is not one. */
function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NO_FIELDS;
}

const NO_FIELDS: Fields = {};

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function textOf(value: unknown): string {
  return isText(value) ? value : '';
}
