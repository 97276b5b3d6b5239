import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { Watch } from './support/refusal.ts';

/*
 * A cluster whose configuration says everything that kubeadm's documents can say of a running control plane, and what
 * the components then really have: their processes, their certificates, their objects.
 */
const LAB = 'test-configuration';
const TIMEOUT_MS = 300_000;
const KUBEADM = 'kubeadm.k8s.io/v1beta4';
const REPOSITORY = 'mirror.example.org/kubernetes';

const DOCUMENTS: readonly Record<string, unknown>[] = [
  {
    apiVersion: KUBEADM,
    kind: 'InitConfiguration',
    bootstrapTokens: [
      { token: 'abcdef.0123456789abcdef', description: 'the first', ttl: '2h0m0s' },
      {
        token: 'ghijkl.0123456789abcdef',
        expires: '2099-01-01T00:00:00Z',
        usages: ['authentication'],
        groups: ['system:bootstrappers:mine'],
      },
    ],
    localAPIEndpoint: { bindPort: 7443 },
    nodeRegistration: {
      name: 'm1',
      criSocket: 'unix:///var/run/containerd/containerd.sock',
      imagePullSerial: true,
      taints: [{ key: 'mine', value: 'yes', effect: 'PreferNoSchedule' }],
      kubeletExtraArgs: [
        { name: 'node-labels', value: 'example.org/rack=7' },
        { name: 'v', value: '3' },
      ],
    },
    patches: { directory: '/root/patches' },
    timeouts: { controlPlaneComponentHealthCheck: '5m0s' },
  },
  {
    apiVersion: KUBEADM,
    kind: 'ClusterConfiguration',
    clusterName: 'blue',
    certificatesDir: '/srv/pki',
    controlPlaneEndpoint: 'api.blue.example.org:7443',
    imageRepository: REPOSITORY,
    networking: { dnsDomain: 'blue.local', serviceSubnet: '10.97.0.0/16' },
    apiServer: {
      certSANs: ['other.example.org', '203.0.113.7'],
      extraArgs: [
        { name: 'audit-log-path', value: '/audit/audit.log' },
        { name: 'audit-policy-file', value: '/policy/audit.yaml' },
        { name: 'feature-gates', value: 'WatchList=true' },
        { name: 'service-account-issuer', value: 'https://new.example.org' },
        { name: 'service-account-issuer', value: 'https://old.example.org' },
      ],
      extraVolumes: [
        { name: 'audit', hostPath: '/var/log/audit', mountPath: '/audit', pathType: 'DirectoryOrCreate' },
        {
          name: 'policy',
          hostPath: '/root/audit.yaml',
          mountPath: '/policy/audit.yaml',
          pathType: 'File',
          readOnly: true,
        },
      ],
      extraEnvs: [
        { name: 'GODEBUG', value: 'madvdontneed=1' },
        { name: 'ON_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      ],
    },
    controllerManager: { extraArgs: [{ name: 'node-cidr-mask-size', value: '25' }] },
    scheduler: { extraArgs: [{ name: 'v', value: '2' }] },
    etcd: {
      local: {
        dataDir: '/srv/etcd',
        serverCertSANs: ['etcd.example.org'],
        peerCertSANs: ['203.0.113.8'],
        extraArgs: [{ name: 'quota-backend-bytes', value: '1073741824' }],
        extraEnvs: [{ name: 'ETCD_MINE', value: 'yes' }],
      },
    },
  },
  {
    apiVersion: KUBEADM,
    kind: 'JoinConfiguration',
    discovery: {
      file: { kubeConfigPath: '/root/discovery.conf' },
      tlsBootstrapToken: 'abcdef.0123456789abcdef',
    },
    nodeRegistration: {
      taints: [{ key: 'slow', effect: 'PreferNoSchedule' }],
      kubeletExtraArgs: [{ name: 'node-labels', value: 'example.org/rack=8' }],
    },
    patches: { directory: '/root/patches' },
  },
];

const COMPONENT_FIELDS: Readonly<Record<string, Record<string, unknown>>> = {
  KubeletConfiguration: {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    maxPods: 77,
    authentication: { webhook: { cacheTTL: '1m0s' } },
  },
  KubeProxyConfiguration: {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    metricsBindAddress: '127.0.0.1:11249',
  },
};

const MASTER_PATCHES: Readonly<Record<string, unknown>> = {
  'kube-apiserver.yaml': {
    spec: {
      containers: [
        {
          name: 'kube-apiserver',
          resources: { requests: { cpu: '111m' } },
          env: [{ name: 'PATCHED', value: '1' }],
        },
      ],
    },
  },
  'kube-controller-manager0+merge.yaml': { metadata: { labels: { patched: 'merge' } } },
  'kube-scheduler+json.json': [
    { op: 'add', path: '/metadata/labels/patched', value: 'json' },
    { op: 'replace', path: '/spec/containers/0/resources/requests/cpu', value: '55m' },
  ],
  'etcd+strategic.yaml': { metadata: { annotations: { 'example.org/patched': 'strategic' } } },
  'kubeletconfiguration+merge.yaml': { nodeStatusReportFrequency: '2m30s' },
  'corednsdeployment.yaml': { spec: { replicas: 1, template: { metadata: { labels: { patched: 'yes' } } } } },
};

const PROXY = {
  HTTPS_PROXY: 'http://user:proxy-password@proxy.example.org:3128',
  NO_PROXY: 'intranet.example.org',
};

let lab: Lab;
let master: LabHost;
let said: string;
let bare: Watch;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  master = lab.host('h1');
  for (const host of lab.hosts) await hosts(host, `${master.address} api.blue.example.org`);
  await write(master, '/root/cluster.yaml', await configuration(master));
  await write(
    master,
    '/root/audit.yaml',
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata }]\n',
  );
  for (const [name, patch] of Object.entries(MASTER_PATCHES))
    await write(master, `/root/patches/${name}`, stringify(patch));
  await write(
    lab.host('h2'),
    '/root/patches/kubeletconfiguration+json.yaml',
    stringify([{ op: 'replace', path: '/maxPods', value: 33 }]),
  );
  bare = await Watch.begin(master);
  const init = ['kadm', 'init', '--config', '/root/cluster.yaml', '--pod-network-cidr', '10.20.0.0/16'];
  const run = await master.exec(init, { timeoutMs: TIMEOUT_MS, env: PROXY });
  said = `${run.stdout}${run.stderr}`;
  await joinWorker(lab.host('h2'));
});

/** By a kubeconfig that says where the cluster is, as kubeadm's file discovery. */
async function joinWorker(worker: LabHost): Promise<void> {
  const info = ['kubectl', '--namespace', 'kube-public', 'get', 'configmap', 'cluster-info'];
  await write(
    worker,
    '/root/discovery.conf',
    await onMaster(...info, '--output', 'jsonpath={.data.kubeconfig}'),
  );
  await write(worker, '/root/worker.yaml', await configuration(worker));
  await worker.exec(['kadm', 'join', '--config', '/root/worker.yaml'], { timeoutMs: TIMEOUT_MS });
}

afterAll(() => removeLab(LAB));

async function write(host: LabHost, path: string, content: string): Promise<void> {
  await host.exec(['install', '-D', '-m', '600', '/dev/stdin', path], { input: content });
}

async function hosts(host: LabHost, line: string): Promise<void> {
  await host.exec(['tee', '-a', '/etc/hosts'], { input: `${line}\n` });
}

/** The documents above, with what this machine asks of a lab host. */
async function configuration(host: LabHost): Promise<string> {
  const { stdout } = await host.exec(['cat', '/etc/kadm/config.yaml']);
  const given = parseAllDocuments(stdout).map((document) => document.toJS() as Record<string, unknown>);
  const ofComponents = Object.entries(COMPONENT_FIELDS).map(([kind, fields]) => ({
    ...given.find((document) => document.kind === kind),
    ...fields,
  }));
  const others = given.filter(({ kind }) => !((kind as string) in COMPONENT_FIELDS));
  return [...others, ...DOCUMENTS, ...ofComponents].map((document) => stringify(document)).join('---\n');
}

async function onMaster(...argv: string[]): Promise<string> {
  return (await master.exec(argv, { timeoutMs: 60_000 })).stdout;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of the API
async function object(...argv: string[]): Promise<any> {
  return JSON.parse(
    await onMaster('kubectl', 'get', '--namespace', 'kube-system', ...argv, '--output', 'json'),
  );
}

/** What the cluster knows of a static pod: the kubelet tells it some seconds after it knows its node. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of the API
async function mirrorPod(name: string): Promise<any> {
  const known = async (): Promise<number> => {
    const get = ['kubectl', 'get', '--namespace', 'kube-system', 'pod', name];
    return (await master.exec(get, { allowFailure: true })).exitCode;
  };
  await expect.poll(known, { timeout: 60_000, interval: 1_000 }).toBe(0);
  return await object('pod', name);
}

/** Words of a running program's command line, or its variables. */
async function processOf(program: string, what: 'cmdline' | 'environ'): Promise<string[]> {
  const pid = (await onMaster('pgrep', '--exact', '--oldest', program.slice(0, 15))).trim();
  return (await onMaster('cat', `/proc/${pid}/${what}`)).split('\0');
}

async function certificate(path: string): Promise<string> {
  return await onMaster('openssl', 'x509', '-noout', '-ext', 'subjectAltName', '-in', path);
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of the API
async function configMap(name: string, key: string): Promise<any> {
  return parse((await object('configmap', name)).data[key]);
}

describe('the API server', () => {
  test('runs with the extra arguments, in their order', async () => {
    const words = await processOf('kube-apiserver', 'cmdline');
    expect(words).toEqual(
      expect.arrayContaining([
        '--secure-port=7443',
        '--feature-gates=WatchList=true',
        '--service-cluster-ip-range=10.97.0.0/16',
      ]),
    );
    expect(words.filter((word) => word.startsWith('--service-account-issuer='))).toEqual([
      '--service-account-issuer=https://new.example.org',
      '--service-account-issuer=https://old.example.org',
    ]);
  });

  test('writes through an extra volume', async () => {
    expect(await onMaster('head', '-n', '1', '/var/log/audit/audit.log')).toContain('"kind":"Event"');
  });

  test('has the extra variables, those of a patch, and the proxy, which the cluster itself goes without', async () => {
    const words = await processOf('kube-apiserver', 'environ');
    expect(words).toEqual(
      expect.arrayContaining([
        'GODEBUG=madvdontneed=1',
        'ON_NODE=m1',
        'PATCHED=1',
        `HTTPS_PROXY=${PROXY.HTTPS_PROXY}`,
      ]),
    );
    const direct = words
      .find((word) => word.startsWith('NO_PROXY='))
      ?.slice('NO_PROXY='.length)
      .split(',');
    expect(direct).toEqual(
      expect.arrayContaining([
        'intranet.example.org',
        '127.0.0.1',
        '10.20.0.0/16',
        '10.97.0.0/16',
        'api.blue.example.org',
        master.address,
        '.svc',
        '.blue.local',
      ]),
    );
  });

  test('shows a certificate with the extra names', async () => {
    const names = await certificate('/etc/kubernetes/pki/apiserver.crt');
    for (const name of [
      'DNS:other.example.org',
      'DNS:api.blue.example.org',
      'IP Address:203.0.113.7',
      'IP Address:10.97.0.1',
    ])
      expect(names).toContain(name);
  });

  test('asks for as much processor time as a strategic patch says', async () => {
    const pod = await mirrorPod('kube-apiserver-m1');
    expect(pod.spec.containers[0].resources.requests).toEqual({ cpu: '111m' });
    expect(pod.spec.containers[0].image).toMatch(new RegExp(`^${REPOSITORY}/kube-apiserver:`));
    expect(pod.spec.containers[0].startupProbe.failureThreshold).toBe(30);
  });
});

test('etcd has its folder, its names, its arguments, its variables and its patch', async () => {
  const words = await processOf('etcd', 'cmdline');
  expect(words).toEqual(expect.arrayContaining(['--data-dir=/srv/etcd', '--quota-backend-bytes=1073741824']));
  expect(await processOf('etcd', 'environ')).toContain('ETCD_MINE=yes');
  expect(await onMaster('ls', '/srv/etcd')).toContain('member');
  expect(await certificate('/etc/kubernetes/pki/etcd/server.crt')).toContain('DNS:etcd.example.org');
  expect(await certificate('/etc/kubernetes/pki/etcd/peer.crt')).toContain('IP Address:203.0.113.8');
  const pod = await mirrorPod('etcd-m1');
  expect(pod.metadata.annotations['example.org/patched']).toBe('strategic');
});

test('merge patch and JSON patch reach the controller manager and the scheduler', async () => {
  const manager = await mirrorPod('kube-controller-manager-m1');
  expect(manager.metadata.labels.patched).toBe('merge');
  expect(await processOf('kube-controller-manager', 'cmdline')).toEqual(
    expect.arrayContaining([
      '--node-cidr-mask-size=25',
      '--cluster-name=blue',
      '--cluster-cidr=10.20.0.0/16',
    ]),
  );
  const scheduler = await mirrorPod('kube-scheduler-m1');
  expect(scheduler.metadata.labels.patched).toBe('json');
  expect(scheduler.spec.containers[0].resources.requests).toEqual({ cpu: '55m' });
  expect(await processOf('kube-scheduler', 'cmdline')).toContain('--v=2');
});

test('the nodes have the labels and taints of their registrations, and their patched kubelets', async () => {
  const nodes = await Promise.all(['m1', 'h2'].map((name) => object('node', name)));
  const [m1, h2] = nodes;
  expect(m1.metadata.labels).toMatchObject({
    'example.org/rack': '7',
    'node-role.kubernetes.io/control-plane': '',
  });
  expect(h2.metadata.labels).toMatchObject({ 'example.org/rack': '8' });
  expect(m1.spec.taints).toEqual([{ key: 'mine', value: 'yes', effect: 'PreferNoSchedule' }]);
  expect(h2.spec.taints).toEqual([{ key: 'slow', effect: 'PreferNoSchedule' }]);
  expect(nodes.map((node) => node.status.capacity.pods)).toEqual(['77', '33']);
  const { kubeletconfig } = JSON.parse(
    await onMaster('kubectl', 'get', '--raw', '/api/v1/nodes/m1/proxy/configz'),
  );
  expect(kubeletconfig).toMatchObject({
    nodeStatusReportFrequency: '2m30s',
    clusterDomain: 'blue.local',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true, cacheTTL: '1m0s' } },
  });
});

test('CoreDNS and kube-proxy run from the repository that is named, patched and configured', async () => {
  await onMaster(
    'kubectl',
    '--namespace',
    'kube-system',
    'rollout',
    'status',
    'deployment/coredns',
    '--timeout=60s',
  );
  const coredns = await object('deployment', 'coredns');
  expect(coredns.spec.replicas).toBe(1);
  expect(coredns.spec.template.metadata.labels.patched).toBe('yes');
  expect(coredns.spec.template.spec.containers[0].image).toMatch(new RegExp(`^${REPOSITORY}/coredns:`));
  await onMaster(
    'kubectl',
    '--namespace',
    'kube-system',
    'rollout',
    'status',
    'daemonset/kube-proxy',
    '--timeout=60s',
  );
  expect(await configMap('kube-proxy', 'config.conf')).toMatchObject({
    clusterCIDR: '10.20.0.0/16',
    metricsBindAddress: '127.0.0.1:11249',
  });
});

test('both tokens are there, each with what it is good for', async () => {
  const read = async (id: string): Promise<Record<string, string>> => {
    const { data } = await object('secret', `bootstrap-token-${id}`);
    return Object.fromEntries(
      Object.entries(data as Record<string, string>).map(([key, value]) => [
        key,
        Buffer.from(value, 'base64').toString(),
      ]),
    );
  };
  expect(await read('abcdef')).toMatchObject({ description: 'the first', 'usage-bootstrap-signing': 'true' });
  const second = await read('ghijkl');
  expect(second).toMatchObject({
    expiration: '2099-01-01T00:00:00Z',
    'auth-extra-groups': 'system:bootstrappers:mine',
  });
  expect(second['usage-bootstrap-signing']).toBeUndefined();
});

test('the cluster keeps the configuration as kubeadm does, and kadm accepts it', async () => {
  const kept = await configMap('kubeadm-config', 'ClusterConfiguration');
  const [, given] = DOCUMENTS;
  expect(kept).toMatchObject({
    ...given,
    networking: { ...(given?.networking as object), podSubnet: '10.20.0.0/16' },
  });
  await write(master, '/root/kept.yaml', stringify(kept));
  await onMaster('kadm', 'config', 'validate', '/root/kept.yaml');
  expect(await configMap('kubelet-config', 'kubelet')).toMatchObject({
    maxPods: 77,
    clusterDNS: ['10.97.0.10'],
  });
});

test('the password of a proxy is in no log, and in no file that others may read', async () => {
  expect(said).not.toContain('proxy-password');
  const found = await master.exec(['grep', '-rls', 'proxy-password', '/etc', '/var/log', '/var/lib/kadm'], {
    allowFailure: true,
  });
  const files = found.stdout.split('\n').filter((path) => path !== '' && !path.startsWith('/var/log/audit/'));
  expect(files.sort()).toEqual([
    '/etc/containerd/proxy.env',
    ...['apiserver', 'controller-manager', 'scheduler'].map(
      (name) => `/etc/kubernetes/manifests/kube-${name}.yaml`,
    ),
  ]);
  const modes = await onMaster('stat', '--format=%a', ...files);
  expect(modes.trim().split('\n')).toEqual(['600', '600', '600', '600']);
});

describe('a control plane on the etcd of somebody else', () => {
  const PORT = 12_379;
  let own: LabHost;

  const onOwn = async (...argv: string[]): Promise<string> =>
    (await own.exec(argv, { timeoutMs: TIMEOUT_MS })).stdout;

  beforeAll(async () => {
    own = lab.host('h3');
    const url = `https://${master.address}:${PORT}`;
    await startEtcd(url);
    const files = {
      'ca.crt': 'etcd/ca.crt',
      'client.crt': 'apiserver-etcd-client.crt',
      'client.key': 'apiserver-etcd-client.key',
    };
    for (const [name, file] of Object.entries(files))
      await write(own, `/root/etcd/${name}`, await onMaster('cat', `/srv/pki/${file}`));
    const cluster = {
      apiVersion: KUBEADM,
      kind: 'ClusterConfiguration',
      dns: { disabled: true },
      proxy: { disabled: true },
      etcd: {
        external: {
          endpoints: [url],
          caFile: '/root/etcd/ca.crt',
          certFile: '/root/etcd/client.crt',
          keyFile: '/root/etcd/client.key',
        },
      },
    };
    const { stdout } = await own.exec(['cat', '/etc/kadm/config.yaml']);
    await write(own, '/root/cluster.yaml', `${stdout}\n---\n${stringify(cluster)}`);
    await onOwn('kadm', 'init', '--config', '/root/cluster.yaml');
  });

  /** The program of the first cluster's etcd, with a port and data of its own. */
  async function startEtcd(url: string): Promise<void> {
    const pid = (await onMaster('pgrep', '--exact', '--oldest', 'etcd')).trim();
    await onMaster('cp', `/proc/${pid}/root/usr/local/bin/etcd`, '/root/external-etcd');
    await onMaster(
      ...['systemd-run', '--quiet', '--collect', '--unit=external-etcd', '/root/external-etcd'],
      ...['--data-dir=/root/external', `--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
      ...['--listen-peer-urls=http://127.0.0.1:12380', '--client-cert-auth=true'],
      ...['--cert-file=/srv/pki/etcd/server.crt', '--key-file=/srv/pki/etcd/server.key'],
      '--trusted-ca-file=/srv/pki/etcd/ca.crt',
    );
  }

  test('keeps its objects there, and has none itself', async () => {
    expect(await onOwn('kubectl', 'get', '--raw', '/readyz/etcd')).toBe('ok');
    expect(await onOwn('ls', '/etc/kubernetes/manifests')).not.toContain('etcd');
    expect((await onOwn('find', '/etc/kubernetes/pki', '-name', '*etcd*')).trim()).toBe('');
  });

  test('has none of the add-ons that the configuration leaves out', async () => {
    const names = await onOwn(
      'kubectl',
      '--namespace',
      'kube-system',
      'get',
      'daemonset,deployment',
      '--output',
      'name',
    );
    expect(names.trim()).toBe('');
  });
});

test('reset removes what was made in other places than the usual', async () => {
  await onMaster('systemctl', 'stop', 'external-etcd.service');
  await onMaster('rm', '-r', '/root/external', '/root/external-etcd', '/root/kept.yaml');
  await master.exec(['kadm', 'reset', '--force'], { timeoutMs: TIMEOUT_MS });
  expect(await bare.changes()).toEqual([]);
});
