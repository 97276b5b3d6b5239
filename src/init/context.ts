import { addressAt } from '../config/cidr.ts';
import { bracketed } from '../config/family.ts';
import type { InitSettings } from '../config/settings.ts';
import { endpointWithPort } from '../config/values.ts';
import type { KubeClient } from '../kube/client.ts';
import type { NodeContext } from '../node/context.ts';
import { familiesOf, nodeIPs } from '../node/node-ips.ts';
import { caCertificateHash } from '../pki/ca-pin.ts';

/** What the phases share that make this host a control plane, the first one or a further one. */
export interface ControlPlaneContext extends NodeContext {
  readonly settings: InitSettings;
  /** A client with the rights of system:masters; made when first asked for, from super-admin.conf. */
  readonly api: () => Promise<KubeClient>;
}

/** What the phases of init share. */
export interface InitContext extends ControlPlaneContext {
  /** The first join token: given, or made up before the run. */
  readonly token: string;
  /** Encrypts the certificates that are uploaded; undefined when none are to be. */
  readonly certificateKey: string | undefined;
  /** Tells that they are. */
  readonly uploaded: (certificateKey: string) => void;
  /** Tells that workers may join from now on. */
  readonly joinable: (command: JoinCommand) => void;
}

/** The parts of the command that joins a worker. */
export interface JoinCommand {
  readonly endpoint: string;
  readonly token: string;
  readonly caCertHash: string;
}

export function joinCommand({ settings, token }: InitContext, caPem: string): JoinCommand {
  return { endpoint: joinEndpoint(settings), token, caCertHash: caCertificateHash(caPem) };
}

/** The URL by which all nodes reach the API server. */
export function serverUrl(settings: InitSettings): string {
  return `https://${joinEndpoint(settings)}`;
}

/** host:port of the API server for workers and people. */
export function joinEndpoint(settings: InitSettings): string {
  if (settings.controlPlaneEndpoint !== undefined) return endpointWithPort(settings.controlPlaneEndpoint);
  return `${bracketed(settings.advertiseAddress)}:${settings.apiPort}`;
}

/** The URL of the API server on this host, whatever stands between others and it. */
export function localUrl(settings: InitSettings): string {
  return `https://${bracketed(settings.advertiseAddress)}:${settings.apiPort}`;
}

/** Loopback of the family in which this host is reached. */
export function localhost({ advertiseAddress }: Pick<InitSettings, 'advertiseAddress'>): string {
  return advertiseAddress.includes(':') ? '::1' : '127.0.0.1';
}

/** The cluster's DNS server: the tenth address of the first service CIDR, as with kubeadm. */
export function clusterDNS(settings: InitSettings): string {
  const [first] = settings.serviceCidrs;
  if (first === undefined) throw new Error('no service CIDR');
  return addressAt(first, 10);
}

/** This node's addresses, of each family of the cluster. @throws UserError (preflight) */
export async function ownNodeIPs({
  host,
  settings,
}: Pick<InitContext, 'host' | 'settings'>): Promise<string> {
  return await nodeIPs(host, settings.nodeIP, familiesOf(settings.podCidrs));
}

/** The CIDRs as the components' flags take them. */
export function cidrList(cidrs: InitSettings['podCidrs']): string {
  return cidrs.map((cidr) => cidr.text).join(',');
}
