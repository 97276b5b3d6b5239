import { z } from 'zod';

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

const text = z.string().catch('');

const nodeSchema = z.object({
  metadata: z.object({
    name: z.string(),
    creationTimestamp: text,
    annotations: z.record(z.string(), z.unknown()).nullish(),
  }),
  spec: z.object({ podCIDR: text, podCIDRs: z.array(z.string()).nullish().catch(undefined) }).nullish(),
  status: z
    .object({
      addresses: z.array(z.object({ type: text, address: text })).nullish(),
      conditions: z.array(z.object({ type: text, status: text, reason: text, message: text })).nullish(),
    })
    .nullish()
    .catch(undefined),
});

/**
 * @param ownName whose status is kept too
 * @throws ZodError for what is not a Node at all, which the API server never sends
 */
export function nodeFacts(node: unknown, ownName: string): NodeFacts {
  const { metadata, spec, status } = nodeSchema.parse(node);
  const first = spec?.podCIDR === undefined || spec.podCIDR === '' ? [] : [spec.podCIDR];
  const cidrs = spec?.podCIDRs ?? first;
  return {
    name: metadata.name,
    createdAt: Date.parse(metadata.creationTimestamp) || 0,
    podCidrs: cidrs.slice(0, MAX_CIDRS).filter((cidr) => cidr.length <= MAX_CIDR_TEXT),
    ...annotationsOf(metadata.annotations ?? {}),
    internalIps: internalIps(status),
    own: metadata.name === ownName ? ownStatus(status) : undefined,
  };
}

function annotationsOf(all: Readonly<Record<string, unknown>>): Pick<NodeFacts, 'annotations' | 'oversized'> {
  const annotations: Partial<Record<Annotation, string>> = {};
  const oversized: Annotation[] = [];
  for (const key of Object.values(ANNOTATION)) {
    const value = all[key];
    if (typeof value !== 'string') continue;
    if (value.length <= MAX_ANNOTATION) annotations[key] = value;
    else oversized.push(key);
  }
  return { annotations, oversized };
}

function internalIps(status: z.infer<typeof nodeSchema>['status']): string[] {
  return (status?.addresses ?? [])
    .flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : []))
    .filter((address) => address.length <= MAX_ADDRESS_TEXT)
    .slice(0, MAX_ADDRESSES);
}

function ownStatus(status: z.infer<typeof nodeSchema>['status']): OwnStatus {
  const condition = status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
  return {
    addresses: status?.addresses ?? [],
    networkUnavailable:
      condition === undefined
        ? undefined
        : { status: condition.status, reason: condition.reason, message: condition.message },
  };
}
