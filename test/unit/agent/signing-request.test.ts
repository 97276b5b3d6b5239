import { beforeAll, describe, expect, it } from 'vitest';
import {
  AGENT_USAGES,
  type ClusterFacts,
  isPending,
  whyNotApproved,
} from '../../../src/agent/signing-request.ts';
import { parseCidr } from '../../../src/config/cidr.ts';
import type { SigningRequest } from '../../../src/kube/signing.ts';
import { generateKeyPair, type KeyPair } from '../../../src/pki/keys.ts';
import { createCertificateRequest } from '../../../src/pki/x509.ts';

const SIGNER = 'kubernetes.io/kube-apiserver-client';
const SERVING = 'kubernetes.io/kubelet-serving';
const NODE_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
let keys: KeyPair;

const FACTS: ClusterFacts = {
  nodes: [
    { name: 'n1', ready: true, controlPlane: true, addresses: ['192.168.1.1', 'n1'] },
    {
      name: 'n2',
      ready: true,
      controlPlane: false,
      addresses: ['192.168.1.2', 'n2', '10.96.0.1', 'fd00::2'],
    },
    { name: 'n3', ready: false, controlPlane: false, addresses: ['192.168.1.3', 'n3'] },
    // What a kubelet that was taken over might report.
    {
      name: 'n4',
      ready: true,
      controlPlane: false,
      addresses: ['192.168.1.1', '192.168.1.9', 'api.example.org', 'kubernetes.default.svc', '127.0.0.1'],
    },
    { name: 'm9', ready: false, controlPlane: true, addresses: [] },
  ],
  otherNetworks: [parseCidr('10.244.0.0/16'), parseCidr('10.96.0.0/12')],
  apiNames: ['192.168.1.9', 'api.example.org'],
};

beforeAll(async () => {
  keys = await generateKeyPair('ECDSA-P256');
});

interface Wish {
  readonly commonName?: string;
  readonly organizations?: readonly string[];
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
  readonly spec?: Partial<SigningRequest['spec']>;
}

/** The request of node n2 for its agent, but for what is wished otherwise. */
function request({ commonName, organizations, dns, ips, spec }: Wish = {}): SigningRequest {
  const subject = {
    commonName: commonName ?? 'kadm:agent:n2',
    organizations: organizations ?? ['kadm:agents'],
  };
  const names = { dns: dns ?? [], ips: ips ?? [] };
  const pem = createCertificateRequest(subject, names, keys.publicKey, keys.privateKey);
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

/** The request of node n2 for its kubelet's server. */
function serving({ spec, ...wish }: Wish = {}): SigningRequest {
  const own = {
    commonName: 'system:node:n2',
    organizations: ['system:nodes'],
    dns: ['n2'],
    ips: ['192.168.1.2'],
    ...wish,
  };
  const usages = ['digital signature', 'server auth'];
  return request({ ...own, spec: { signerName: SERVING, usages, ...spec } });
}

/** The request for a new node n5 with a join token. */
function joining({ spec, ...wish }: Wish = {}): SigningRequest {
  const own = { commonName: 'system:node:n5', organizations: ['system:nodes'], ...wish };
  return request({
    ...own,
    spec: {
      signerName: NODE_CLIENT,
      username: 'system:bootstrap:abcdef',
      groups: [
        'system:bootstrappers',
        'system:bootstrappers:kubeadm:default-node-token',
        'system:authenticated',
      ],
      usages: ['digital signature', 'client auth'],
      ...spec,
    },
  });
}

describe('a request for an agent', () => {
  it('of a node for its own agent may be approved', () => {
    expect(whyNotApproved(request(), FACTS)).toBeUndefined();
    expect(whyNotApproved(request({ spec: { usages: ['client auth'] } }), FACTS)).toBeUndefined();
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
    expect(whyNotApproved(request(wish), FACTS)).toMatch(reason);
  });

  it('signed with another key than its own stays pending', async () => {
    const others = await generateKeyPair('ECDSA-P256');
    const subject = { commonName: 'kadm:agent:n2', organizations: ['kadm:agents'] };
    const pem = createCertificateRequest(subject, { dns: [], ips: [] }, keys.publicKey, others.privateKey);
    const spec = { request: Buffer.from(pem).toString('base64') };
    expect(whyNotApproved(request({ spec }), FACTS)).toMatch(/not signed with its own key/);
  });

  it('that was decided is not looked at again', () => {
    expect(isPending(request())).toBe(true);
    expect(isPending({ ...request(), status: { conditions: [{ type: 'Denied' }] } })).toBe(false);
    expect(isPending({ ...request(), status: { certificate: 'x' } })).toBe(false);
  });
});

describe('a request for a kubelet’s server', () => {
  it('may be approved for the node’s own names and addresses, in any spelling', () => {
    expect(whyNotApproved(serving(), FACTS)).toBeUndefined();
    expect(whyNotApproved(serving({ dns: [], ips: ['fd00:0:0::2'] }), FACTS)).toBeUndefined();
    const n1 = { commonName: 'system:node:n1', dns: ['n1'], ips: ['192.168.1.1'] };
    expect(whyNotApproved(serving({ ...n1, spec: { username: 'system:node:n1' } }), FACTS)).toBeUndefined();
  });

  it.each<[string, Wish, RegExp]>([
    [
      'with the address of another node',
      { ips: ['192.168.1.2', '192.168.1.3'] },
      /192\.168\.1\.3.* not an address/,
    ],
    ['with the name of another node', { dns: ['n3'] }, /"n3" is not/],
    ['with an address that no node has', { ips: ['8.8.8.8'] }, /8\.8\.8\.8/],
    ['with the address of a Service', { ips: ['10.96.0.1'] }, /10\.96\.0\.1/],
    ['with the name of the API server', { dns: ['kubernetes.default.svc'] }, /kubernetes/],
    ['for another node', { commonName: 'system:node:n1' }, /not the node’s own/],
    ['for masters', { organizations: ['system:masters'] }, /groups/],
    ['for a client too', { spec: { usages: ['server auth', 'client auth'] } }, /other uses/],
    ['for no server', { spec: { usages: ['digital signature'] } }, /other uses/],
    ['without a name', { dns: [], ips: [] }, /no name or address/],
    ['from a token', { spec: { username: 'system:bootstrap:abcdef' } }, /not come from a node/],
    ['from outside the nodes', { spec: { groups: ['system:authenticated'] } }, /not come from a node/],
  ])('%s stays pending', (_, wish, reason) => {
    expect(whyNotApproved(serving(wish), FACTS)).toMatch(reason);
  });

  it.each(['192.168.1.1', '192.168.1.9', '127.0.0.1', 'api.example.org', 'kubernetes.default.svc'])(
    'stays pending for %s, whatever the node reports of itself',
    (name) => {
      const names = /^\d/.test(name) ? { dns: [], ips: [name] } : { dns: [name], ips: [] };
      const wish = { commonName: 'system:node:n4', ...names, spec: { username: 'system:node:n4' } };
      expect(whyNotApproved(serving(wish), FACTS)).toMatch(/is not an address of Node n4 alone/);
    },
  );
});

describe('a request for a new node', () => {
  it('may be approved with a join token, also where a Node of that name is no longer Ready', () => {
    expect(whyNotApproved(joining(), FACTS)).toBeUndefined();
    expect(whyNotApproved(joining({ commonName: 'system:node:n3' }), FACTS)).toBeUndefined();
  });

  it.each<[string, Wish, RegExp]>([
    ['in the name of a Node that is Ready', { commonName: 'system:node:n2' }, /Node n2 is there, and Ready/],
    ['in the name of a control plane, Ready or not', { commonName: 'system:node:m9' }, /a control plane/],
    ['in the name of no node', { commonName: 'kubernetes-admin' }, /not a node’s/],
    ['in a name that no node can have', { commonName: 'system:node:A B' }, /not a node’s/],
    ['for masters', { organizations: ['system:masters'] }, /groups/],
    ['for masters too', { organizations: ['system:nodes', 'system:masters'] }, /groups/],
    ['with a name of a server', { dns: ['n5'] }, /more than a name/],
    ['for a server', { spec: { usages: ['client auth', 'server auth'] } }, /other uses/],
    ['with a token that is not for joining', { spec: { groups: ['system:bootstrappers'] } }, /join token/],
    ['from a node', { spec: { username: 'system:node:n2' } }, /join token/],
  ])('%s stays pending', (_, wish, reason) => {
    expect(whyNotApproved(joining(wish), FACTS)).toMatch(reason);
  });

  it('is looked at, but not the renewals that the controller manager decides', () => {
    expect(isPending(joining())).toBe(true);
    expect(isPending(joining({ spec: { username: 'system:node:n2' } }))).toBe(false);
    expect(isPending(serving())).toBe(true);
    expect(isPending(request({ spec: { signerName: 'example.org/other' } }))).toBe(false);
  });
});
