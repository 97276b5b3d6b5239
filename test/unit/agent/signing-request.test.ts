import { beforeAll, describe, expect, it } from 'vitest';
import { AGENT_USAGES, isPending, whyNotApproved } from '../../../src/agent/signing-request.ts';
import type { SigningRequest } from '../../../src/kube/signing.ts';
import { generateKeyPair, type KeyPair } from '../../../src/pki/keys.ts';
import { createCertificateRequest } from '../../../src/pki/x509.ts';

const SIGNER = 'kubernetes.io/kube-apiserver-client';
let keys: KeyPair;

beforeAll(async () => {
  keys = await generateKeyPair('ECDSA-P256');
});

interface Wish {
  readonly commonName?: string;
  readonly organizations?: readonly string[];
  readonly dns?: readonly string[];
  readonly spec?: Partial<SigningRequest['spec']>;
}

/** The request of node n2 for its agent, but for what is wished otherwise. */
function request({ commonName, organizations, dns, spec }: Wish = {}): SigningRequest {
  const subject = {
    commonName: commonName ?? 'kadm:agent:n2',
    organizations: organizations ?? ['kadm:agents'],
  };
  const pem = createCertificateRequest(subject, { dns: dns ?? [], ips: [] }, keys.publicKey, keys.privateKey);
  return {
    metadata: { name: 'r' },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: SIGNER,
      username: 'system:node:n2',
      groups: ['system:nodes', 'system:authenticated'],
      usages: AGENT_USAGES,
      ...spec,
    },
  };
}

describe('a certificate request', () => {
  it('of a node for its own agent may be approved', () => {
    expect(whyNotApproved(request())).toBeUndefined();
    expect(whyNotApproved(request({ spec: { usages: ['client auth'] } }))).toBeUndefined();
  });

  it.each<[string, Wish, RegExp]>([
    ['for the agent of another node', { commonName: 'kadm:agent:n1' }, /node’s own agent/],
    ['for a node', { commonName: 'system:node:n2', organizations: ['system:nodes'] }, /node’s own agent/],
    [
      'for the agent of a control plane',
      { organizations: ['kadm:agents', 'kadm:control-plane-agents'] },
      /groups/,
    ],
    ['for masters', { organizations: ['system:masters'] }, /groups/],
    ['for no group', { organizations: [] }, /groups/],
    ['with a name of a server', { dns: ['kubernetes'] }, /more than a name/],
    ['for a server', { spec: { usages: ['client auth', 'server auth'] } }, /other uses/],
    ['for no client', { spec: { usages: ['digital signature'] } }, /other uses/],
    ['to another signer', { spec: { signerName: 'kubernetes.io/legacy-unknown' } }, /another signer/],
    ['from an administrator', { spec: { username: 'kubernetes-admin' } }, /not come from a node/],
    [
      'from somebody who calls himself a node',
      { spec: { groups: ['system:authenticated'] } },
      /not come from a node/,
    ],
    ['from a node without a name', { spec: { username: 'system:node:' } }, /not come from a node/],
    ['that is no request', { spec: { request: 'bm90IG9uZQ==' } }, /not a certificate request/],
    ['of megabytes', { spec: { request: 'A'.repeat(2_000_000) } }, /longer than any real/],
  ])('%s stays pending', (_, wish, reason) => {
    expect(whyNotApproved(request(wish))).toMatch(reason);
  });

  it('signed with another key than its own stays pending', async () => {
    const others = await generateKeyPair('ECDSA-P256');
    const subject = { commonName: 'kadm:agent:n2', organizations: ['kadm:agents'] };
    const pem = createCertificateRequest(subject, { dns: [], ips: [] }, keys.publicKey, others.privateKey);
    const spec = { request: Buffer.from(pem).toString('base64') };
    expect(whyNotApproved(request({ spec }))).toMatch(/not signed with its own key/);
  });

  it('that was decided is not looked at again', () => {
    expect(isPending(request())).toBe(true);
    expect(isPending({ ...request(), status: { conditions: [{ type: 'Denied' }] } })).toBe(false);
    expect(isPending({ ...request(), status: { certificate: 'x' } })).toBe(false);
  });
});
