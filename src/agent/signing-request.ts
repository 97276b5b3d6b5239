import { nodeNameSchema } from '../config/fields.ts';
import { messageOf } from '../errors.ts';
import type { SigningRequest } from '../kube/signing.ts';
import { agentOrganizations, agentUser } from '../pki/agent-identity.ts';
import { type ParsedRequest, parseCertificateRequest } from '../pki/csr.ts';

export const SIGNER = 'kubernetes.io/kube-apiserver-client';

/** What an agent's certificate is for. */
export const AGENT_USAGES: readonly string[] = ['digital signature', 'key encipherment', 'client auth'];

const NODE_USER = 'system:node:';
/** An EC request has about 500 bytes, one of RSA 4096 some 2,000. */
const MAX_REQUEST = 8_192;

/** Of the signer that agents ask, and not decided yet. */
export function isPending({ spec, status }: SigningRequest): boolean {
  const decided = (status?.conditions ?? []).length > 0;
  return spec.signerName === SIGNER && !decided && status?.certificate === undefined;
}

/**
 * Whether a request is a node's for its own agent, and for nothing else: then it may be approved.
 * @returns why not, or undefined
 */
export function whyNotApproved({ spec }: SigningRequest): string | undefined {
  const { username = '', groups = [], usages = [], signerName } = spec;
  if (signerName !== SIGNER) return 'it asks another signer';
  const node = username.startsWith(NODE_USER) ? username.slice(NODE_USER.length) : '';
  if (!nodeNameSchema.safeParse(node).success || !groups.includes('system:nodes')) {
    return 'it does not come from a node';
  }
  const others = usages.filter((usage) => !AGENT_USAGES.includes(usage));
  if (!usages.includes('client auth') || others.length > 0) return 'it is for other uses than a client’s';
  const request = parsed(spec.request);
  if (typeof request === 'string') return request;
  if (request.commonName !== agentUser(node))
    return 'it asks for a name that is not that of the node’s own agent';
  const groupsWanted = agentOrganizations('worker');
  const same = request.organizations.length === 1 && request.organizations[0] === groupsWanted[0];
  if (!same) return 'it asks for other groups than an agent’s';
  if (request.otherNames || request.extensions) return 'it asks for more than a name and a group';
  return undefined;
}

function parsed(base64: string): ParsedRequest | string {
  if (base64.length > MAX_REQUEST) return 'it is longer than any real request';
  try {
    return parseCertificateRequest(Buffer.from(base64, 'base64').toString('utf8'));
  } catch (error) {
    return messageOf(error);
  }
}
