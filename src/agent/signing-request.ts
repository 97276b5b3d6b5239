import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Cidr, contains } from '../config/cidr.ts';
import { nodeNameSchema } from '../config/node-fields.ts';
import { messageOf } from '../errors.ts';
import type { SigningRequest } from '../kube/signing.ts';
import { agentOrganizations, agentUser } from '../pki/agent-identity.ts';
import { type ParsedRequest, parseCertificateRequest } from '../pki/csr.ts';

export const SIGNER = 'kubernetes.io/kube-apiserver-client';
const NODE_CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const NODE_SERVING_SIGNER = 'kubernetes.io/kubelet-serving';

/** What an agent's certificate is for. */
export const AGENT_USAGES: readonly string[] = ['digital signature', 'key encipherment', 'client auth'];
const SERVING_USAGES: readonly string[] = ['digital signature', 'key encipherment', 'server auth'];

const NODE_USER = 'system:node:';
const NODE_GROUP = 'system:nodes';
const TOKEN_USER = 'system:bootstrap:';
/** The group of tokens that nodes may join with, as kubeadm names it. */
const JOINING_GROUP = 'system:bootstrappers:kubeadm:default-node-token';
/** An EC request has about 500 bytes, one of RSA 4096 some 2,000. */
const MAX_REQUEST = 8_192;

/** A Node as far as certificates are concerned. */
export interface KnownNode {
  readonly name: string;
  readonly ready: boolean;
  readonly controlPlane: boolean;
  /** Names and IP addresses of any type, as its kubelet reports them. */
  readonly addresses: readonly string[];
}

/** What requests are compared with. */
export interface ClusterFacts {
  readonly nodes: readonly KnownNode[];
  /** Addresses of Services and pods are no node's. */
  readonly otherNetworks: readonly Cidr[];
  /** Names and addresses of the API server: whoever had a certificate for them could pose as it. */
  readonly apiNames: readonly string[];
}

/**
 * Whether a request is one that agents of control planes decide, and not decided yet. Of the kubelets' own
 * renewals the controller manager takes care.
 */
export function isPending({ spec, status }: SigningRequest): boolean {
  const decided = (status?.conditions ?? []).length > 0 || status?.certificate !== undefined;
  if (decided) return false;
  if (spec.signerName === NODE_CLIENT_SIGNER) return (spec.username ?? '').startsWith(TOKEN_USER);
  return spec.signerName === SIGNER || spec.signerName === NODE_SERVING_SIGNER;
}

/**
 * Whether a request is a node's for its own agent, a node's for its own server, or a token's for a new node, and
 * for nothing else: then it may be approved.
 * @returns why not, or undefined
 */
export function whyNotApproved(
  { spec }: Pick<SigningRequest, 'spec'>,
  facts: ClusterFacts,
): string | undefined {
  switch (spec.signerName) {
    case SIGNER:
      return whyNotAgent(spec);
    case NODE_SERVING_SIGNER:
      return whyNotServing(spec, facts);
    case NODE_CLIENT_SIGNER:
      return whyNotNewNode(spec, facts);
    default:
      return 'it asks another signer';
  }
}

type Spec = SigningRequest['spec'];

function whyNotAgent(spec: Spec): string | undefined {
  const node = nodeThatAsks(spec);
  if (node === undefined) return 'it does not come from a node';
  if (!usagesWithin(spec, AGENT_USAGES, 'client auth')) return 'it is for other uses than a client’s';
  const request = parsed(spec.request);
  if (typeof request === 'string') return request;
  if (request.commonName !== agentUser(node))
    return 'it asks for a name that is not that of the node’s own agent';
  if (!onlyGroup(request, agentOrganizations('worker')[0])) return 'it asks for other groups than an agent’s';
  return asksForMore(request) || hasNames(request) ? 'it asks for more than a name and a group' : undefined;
}

function whyNotServing(spec: Spec, facts: ClusterFacts): string | undefined {
  const node = nodeThatAsks(spec);
  if (node === undefined) return 'it does not come from a node';
  if (!usagesWithin(spec, SERVING_USAGES, 'server auth')) return 'it is for other uses than a server’s';
  const request = parsed(spec.request);
  if (typeof request === 'string') return request;
  if (request.commonName !== spec.username) return 'it asks for a name that is not the node’s own';
  if (!onlyGroup(request, NODE_GROUP)) return 'it asks for other groups than a node’s';
  if (asksForMore(request)) return 'it asks for more than names and addresses';
  if (!hasNames(request)) return 'it asks for no name or address to serve under';
  const foreign = [...request.names.dns, ...request.names.ips].find((name) => !isOwn(name, node, facts));
  return foreign === undefined ? undefined : `${quote(foreign)} is not an address of Node ${node} alone`;
}

function whyNotNewNode(spec: Spec, { nodes }: ClusterFacts): string | undefined {
  const { username = '', groups = [] } = spec;
  if (!username.startsWith(TOKEN_USER) || !groups.includes(JOINING_GROUP))
    return 'it does not come with a join token';
  if (!usagesWithin(spec, AGENT_USAGES, 'client auth')) return 'it is for other uses than a client’s';
  const request = parsed(spec.request);
  if (typeof request === 'string') return request;
  const name = nodeNameOf(request.commonName);
  if (name === undefined) return 'it asks for a name that is not a node’s';
  if (!onlyGroup(request, NODE_GROUP)) return 'it asks for other groups than a node’s';
  if (asksForMore(request) || hasNames(request)) return 'it asks for more than a name and a group';
  const present = nodes.find((node) => node.name === name);
  if (present?.controlPlane) return `Node ${name} is there, and a control plane`;
  // One that is not Ready may come back under its name: a host that was set up anew.
  return present?.ready ? `Node ${name} is there, and Ready` : undefined;
}

/** The node whose kubelet asks; undefined when it is somebody else. */
function nodeThatAsks({ username = '', groups = [] }: Spec): string | undefined {
  return groups.includes(NODE_GROUP) ? nodeNameOf(username) : undefined;
}

function nodeNameOf(user: string): string | undefined {
  const name = user.startsWith(NODE_USER) ? user.slice(NODE_USER.length) : '';
  return nodeNameSchema.safeParse(name).success ? name : undefined;
}

function usagesWithin({ usages = [] }: Spec, allowed: readonly string[], needed: string): boolean {
  return usages.includes(needed) && usages.every((usage) => allowed.includes(usage));
}

function onlyGroup({ organizations }: ParsedRequest, group: string | undefined): boolean {
  return organizations.length === 1 && organizations[0] === group;
}

function hasNames({ names }: ParsedRequest): boolean {
  return names.dns.length + names.ips.length > 0;
}

function asksForMore({ otherNames, extensions }: ParsedRequest): boolean {
  return otherNames || extensions;
}

/**
 * Whether a name or address is this node's and nobody else's. A kubelet reports its addresses itself, so that it
 * reports one is not enough: it must not be another node's, a Service's, a pod's or the API server's.
 */
function isOwn(name: string, node: string, { nodes, otherNetworks, apiNames }: ClusterFacts): boolean {
  const own = nodes.find((one) => one.name === node);
  // A worker that reports a control plane's address only spoils its own certificate.
  const others = nodes.filter((one) => one.name !== node && (own?.controlPlane !== true || one.controlPlane));
  const foreign = [
    ...others.flatMap((one) => [one.name, ...one.addresses]),
    ...(own?.controlPlane === true ? [] : apiNames),
  ];
  const same = (one: string): boolean => normal(one) === name;
  if (foreign.some(same) || ![node, ...(own?.addresses ?? [])].some(same)) return false;
  if (isIP(name) === 0) return !/^(localhost|kubernetes)(\.|$)|\.svc(\.|$)/.test(name);
  const range = ipaddr.parse(name).range();
  return range !== 'loopback' && !otherNetworks.some((cidr) => contains(cidr, name));
}

/** One spelling of each name and address. */
function normal(name: string): string {
  return isIP(name) === 0 ? name.toLowerCase() : ipaddr.parse(name).toString();
}

function parsed(base64: string): ParsedRequest | string {
  if (base64.length > MAX_REQUEST) return 'it is longer than any real request';
  try {
    return parseCertificateRequest(Buffer.from(base64, 'base64').toString('utf8'));
  } catch (error) {
    return messageOf(error);
  }
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
