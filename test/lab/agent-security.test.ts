import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { KubeClient } from '../../src/kube/client.ts';
import { CSR_PATH, type SigningRequest } from '../../src/kube/signing.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { issueLeaf } from '../../src/pki/issue.ts';
import { generateKeyPair, parsePrivateKey, privateKeyPem } from '../../src/pki/keys.ts';
import { createCertificateRequest } from '../../src/pki/x509.ts';
import { sharedCluster } from './support/cluster.ts';
import { Kubectl } from './support/kubectl.ts';

/* What a thief of h2's keys gets from the API server, and what h2's agent does when its certificate ages. */
const IDENTITY = '/var/lib/kadm/agent/client.pem';
const KUBELET = '/var/lib/kubelet/pki/kubelet-client-current.pem';
const DAY_MS = 86_400_000;
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';

let lab: Lab;
let kubectl: Kubectl;
let caPem: string;
let agent: KubeClient;

beforeAll(async () => {
  lab = await sharedCluster();
  kubectl = new Kubectl(lab.host('h1'));
  caPem = await textOf('h1', '/etc/kubernetes/pki/ca.crt');
  agent = clientWith(await textOf('h2', IDENTITY));
});

async function textOf(host: string, path: string): Promise<string> {
  return (await lab.host(host).exec(['cat', path])).stdout;
}

function clientWith(pem: string): KubeClient {
  const server = `https://${lab.host('h1').address}:6443`;
  return new KubeClient({ server, caPem, certPem: pem, keyPem: pem });
}

function annotations(values: Record<string, string | null>): object {
  return { metadata: { annotations: values } };
}

function condition(type: string, status: string): object {
  const now = new Date().toISOString();
  const times = { lastHeartbeatTime: now, lastTransitionTime: now };
  return { status: { conditions: [{ type, status, reason: 'Test', message: 'a test', ...times }] } };
}

describe('with a stolen key of h2’s agent', () => {
  test('the annotations of h2 and its network condition can be written', async () => {
    await agent.patch('/api/v1/nodes/h2', annotations({ 'kadm.io/test': 'x' }), MERGE);
    await agent.patch('/api/v1/nodes/h2', annotations({ 'kadm.io/test': null }), MERGE);
    await agent.patch('/api/v1/nodes/h2/status', condition('NetworkUnavailable', 'False'), STRATEGIC);
  });

  test.each<[string, string, object]>([
    ['another Node’s annotations', 'h3', annotations({ 'flannel.alpha.coreos.com/public-ip': '6.6.6.6' })],
    ['the master’s annotations', 'h1', annotations({ 'kadm.io/test': 'x' })],
    ['other annotations of its own', 'h2', annotations({ 'example.org/owner': 'thief' })],
    [
      'the kubelet’s annotations',
      'h2',
      annotations({ 'volumes.kubernetes.io/controller-managed-attach-detach': null }),
    ],
    ['labels', 'h2', { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } }],
    ['finalizers', 'h2', { metadata: { finalizers: ['example.org/stay'] } }],
    ['taints', 'h2', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }],
    ['whether pods may come', 'h2', { spec: { unschedulable: true } }],
    ['its pod CIDR', 'h2', { spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24'] } }],
    ['another Node’s network condition', 'h3/status', condition('NetworkUnavailable', 'True')],
    ['whether its node is Ready', 'h2/status', condition('Ready', 'False')],
    ['its addresses', 'h2/status', { status: { addresses: [{ type: 'InternalIP', address: '6.6.6.6' }] } }],
    ['its capacity', 'h2/status', { status: { capacity: { cpu: '1000' } } }],
  ])('%s cannot', async (_, path, patch) => {
    const type = path.endsWith('/status') ? STRATEGIC : MERGE;
    await expect(agent.patch(`/api/v1/nodes/${path}`, patch, type)).rejects.toMatchObject({
      // Invalid (422) where the API server's own rules come first: a pod CIDR never changes.
      status: expect.toSatisfy((status: number) => status === 403 || status === 422),
    });
  });

  test.each([
    '/api/v1/secrets',
    '/api/v1/namespaces/kube-system/secrets',
    '/api/v1/namespaces/kube-system/configmaps',
    '/api/v1/pods',
    '/apis/certificates.k8s.io/v1/certificatesigningrequests',
  ])('%s cannot be read', async (path) => {
    await expect(agent.get(path)).rejects.toMatchObject({ status: 403 });
  });

  test('Nodes can be neither made nor deleted', async () => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'h9' } };
    await expect(agent.create('/api/v1/nodes', node)).rejects.toMatchObject({ status: 403 });
    await expect(agent.delete('/api/v1/nodes/h3')).rejects.toMatchObject({ status: 403 });
  });

  test('no certificate can be asked for', async () => {
    const request = await signingRequest({ commonName: 'kadm:agent:h3', organizations: ['kadm:agents'] });
    await expect(agent.create(CSR_PATH, request)).rejects.toMatchObject({ status: 403 });
  });
});

async function signingRequest(
  subject: { commonName: string; organizations: string[] },
  options: { ips?: string[]; signerName?: string; usage?: string } = {},
): Promise<object> {
  const { publicKey, privateKey } = await generateKeyPair('ECDSA-P256');
  const pem = createCertificateRequest(subject, { dns: [], ips: options.ips ?? [] }, publicKey, privateKey);
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: 'theft-' },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: options.signerName ?? 'kubernetes.io/kube-apiserver-client',
      usages: ['digital signature', options.usage ?? 'client auth'],
    },
  };
}

describe('with a stolen key of h2’s kubelet', () => {
  test('requests for others’ certificates stay pending, and the log says why', async () => {
    const kubelet = clientWith(await textOf('h2', KUBELET));
    const serving = { signerName: 'kubernetes.io/kubelet-serving', usage: 'server auth' };
    const node = { commonName: 'system:node:h2', organizations: ['system:nodes'] };
    const requests = [
      await signingRequest({ commonName: 'kadm:agent:h3', organizations: ['kadm:agents'] }),
      await signingRequest({
        commonName: 'kadm:agent:h2',
        organizations: ['kadm:agents', 'kadm:control-plane-agents'],
      }),
      await signingRequest({ commonName: 'kubernetes-admin', organizations: ['system:masters'] }),
      await signingRequest(node, { ...serving, ips: [lab.host('h1').address] }),
      await signingRequest(node, { ...serving, ips: ['10.96.0.1'] }),
    ];
    const names: string[] = [];
    for (const request of requests) {
      try {
        names.push((await kubelet.create<SigningRequest>(CSR_PATH, request)).metadata.name);
      } catch (error) {
        // The API server's own rules refuse system:masters at once.
        expect(error).toMatchObject({ status: 403 });
      }
    }
    expect(names.length).toBeGreaterThanOrEqual(4);
    await expect
      .poll(
        async () => {
          const log = await journal('h1');
          return names.filter((name) => !new RegExp(`left pending.*${name}`).test(log));
        },
        { timeout: 20_000 },
      )
      .toEqual([]);
    for (const name of names) {
      const { status } = await kubelet.get<SigningRequest>(`${CSR_PATH}/${name}`);
      expect(status ?? {}).toEqual({});
    }
    await kubectl.run('delete', 'csr', ...names);
  });
});

async function journal(host: string): Promise<string> {
  return (await lab.host(host).exec(['journalctl', '--unit=kadm-agent', '--output=cat'])).stdout;
}

test.each(['h1', 'h2', 'h3'])('the kubelet of %s serves under a certificate of the cluster', async (name) => {
  const serving = async (): Promise<string> => {
    const path = '/var/lib/kubelet/pki/kubelet-server-current.pem';
    const argv = ['openssl', 'verify', '-CAfile', '/etc/kubernetes/pki/ca.crt', path];
    return (await lab.host(name).exec(argv, { allowFailure: true })).stdout;
  };
  await expect.poll(serving, { timeout: 60_000, interval: 1_000 }).toMatch(/: OK/);
});

test('`kubectl logs` works on each node, with kubelets verified by the API server', async () => {
  const manifest = await textOf('h1', '/etc/kubernetes/manifests/kube-apiserver.yaml');
  expect(manifest).toContain('--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt');
  const system = new Kubectl(lab.host('h1'), 'kube-system');
  const pods = (await system.pods('--selector=k8s-app=kube-proxy')).map(({ name }) => name);
  expect(pods).toHaveLength(3);
  for (const pod of pods) expect(await system.run('logs', pod)).not.toBe('');
});

test('an ageing certificate of the agent is replaced, and the agent goes on with the new one', async () => {
  const key = parsePrivateKey(await textOf('h1', '/etc/kubernetes/pki/ca.key'));
  const { privateKey } = await generateKeyPair('ECDSA-P256');
  const request = {
    path: IDENTITY,
    subject: { commonName: 'kadm:agent:h2', organizations: ['kadm:agents'] },
    key: privateKey,
    usages: ['client'],
    names: { dns: [], ips: [] },
  } as const;
  // 300 of its 365 days are gone.
  const begun = new Date(Date.now() - 300 * DAY_MS);
  const old = `${issueLeaf({ path: 'ca.crt', certPem: caPem, key }, request, begun)}${privateKeyPem(privateKey)}`;
  const h2 = lab.host('h2');
  await h2.exec(['cp', '/dev/stdin', IDENTITY], { input: old });
  await h2.exec(['systemctl', 'restart', 'kadm-agent']);
  const validTo = async (): Promise<number> =>
    new X509Certificate(await textOf('h2', IDENTITY)).validToDate.getTime() - Date.now();
  await expect.poll(validTo, { timeout: 30_000, interval: 500 }).toBeGreaterThan(360 * DAY_MS);
  expect((await h2.exec(['stat', '-c', '%a %U', IDENTITY])).stdout.trim()).toBe('600 root');
  // It works under the new one: a Node's annotation that is taken away comes back.
  const gone = annotations({ 'flannel.alpha.coreos.com/backend-type': null });
  await clientWith(await textOf('h2', IDENTITY)).patch('/api/v1/nodes/h2', gone, MERGE);
  const path = String.raw`jsonpath={.metadata.annotations.flannel\.alpha\.coreos\.com/backend-type}`;
  await expect
    .poll(() => kubectl.run('get', 'node', 'h2', '--output', path), { timeout: 10_000 })
    .toBe('vxlan');
});
