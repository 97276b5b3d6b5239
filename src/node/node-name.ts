import { X509Certificate } from 'node:crypto';
import { nodeNameSchema } from '../config/node-fields.ts';
import type { Host } from '../host/host.ts';
import { KUBELET_CLIENT_PEM } from './kubelet.ts';

const NODE_USER = 'system:node:';

/**
 * The name in the kubelet's certificate is the one by which the API server knows this node.
 * @param pem with the certificate first
 * @throws Error where it is no certificate, or that of no node
 */
export function nodeNameIn(pem: string): string {
  const { subject } = new X509Certificate(pem);
  const user = /^CN=(.*)$/m.exec(subject)?.[1] ?? '';
  return nodeNameSchema.parse(user.startsWith(NODE_USER) ? user.slice(NODE_USER.length) : '');
}

/** The name of the node that this host is; undefined where its kubelet has no certificate, or an unreadable one. */
export async function presentNodeName(host: Host): Promise<string | undefined> {
  const pem = (await host.readFile(KUBELET_CLIENT_PEM))?.toString('utf8');
  try {
    return pem && nodeNameIn(pem);
  } catch {
    return undefined;
  }
}
