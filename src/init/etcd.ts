import type { LocalEtcd } from '../config/control-plane.ts';
import { bracketed } from '../config/family.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import { type ControlPlaneContext, localhost } from './context.ts';
import { imageOf } from './images.ts';
import { extraArgument, type StaticPod, writeStaticPod } from './static-pod.ts';

const CERTIFICATES = '/etc/kubernetes/pki/etcd';
const METRICS_PORT = 2381;

/**
 * How a member that stays alone counts time, in ms. A single member too waits for an election before it serves: at
 * etcd's own 100 and 1000, made for members that lie apart, up to a second at each start (half of one on average), which
 * is time that the API server waits. Without an endpoint for all of them no other control plane can join.
 */
const ALONE = { 'heartbeat-interval': '10', 'election-timeout': '100' } as const;

/** The first member of the cluster's store; none where somebody else runs it. */
export const etcd: Phase<ControlPlaneContext> = {
  id: 'etcd',
  title: 'Write the manifest of etcd',
  needs: ['certs', 'images'],
  skip: ({ settings }) =>
    settings.etcd.kind === 'external' ? 'the configuration names another one' : undefined,
  async run(context) {
    const { etcd } = context.settings;
    if (etcd.kind === 'external') return;
    const changes = changesOf(context, 'etcd');
    await changes.tree(etcd.dataDir, 0o700);
    await writeStaticPod(changes, etcdPod(context, etcd), context.patches);
  },
};

/** @param cluster what etcd is told of its members (`--initial-cluster`), where it joins others; else it is the first one */
export function etcdPod(context: ControlPlaneContext, etcd: LocalEtcd, cluster?: string): StaticPod {
  const { settings } = context;
  const address = bracketed(settings.advertiseAddress);
  const local = bracketed(localhost(settings));
  const client = `https://${address}:2379`;
  const peer = `https://${address}:2380`;
  const metrics = `http://${local}:${METRICS_PORT}`;
  const extra = { extraArgs: etcd.extraArgs, extraEnvs: etcd.extraEnvs, extraVolumes: [] };
  return {
    name: 'etcd',
    image: imageOf(context, 'image-etcd'),
    annotations: { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': client },
    args: {
      'advertise-client-urls': client,
      'cert-file': `${CERTIFICATES}/server.crt`,
      'client-cert-auth': 'true',
      'data-dir': etcd.dataDir,
      'feature-gates': 'InitialCorruptCheck=true',
      'initial-advertise-peer-urls': peer,
      'initial-cluster': cluster ?? `${settings.nodeName}=${peer}`,
      ...(cluster === undefined ? {} : { 'initial-cluster-state': 'existing' }),
      'key-file': `${CERTIFICATES}/server.key`,
      'listen-client-urls': `https://${local}:2379,${client}`,
      'listen-metrics-urls': metrics,
      'listen-peer-urls': peer,
      ...(settings.controlPlaneEndpoint === undefined ? ALONE : {}),
      name: settings.nodeName,
      'peer-cert-file': `${CERTIFICATES}/peer.crt`,
      'peer-client-cert-auth': 'true',
      'peer-key-file': `${CERTIFICATES}/peer.key`,
      'peer-trusted-ca-file': `${CERTIFICATES}/ca.crt`,
      'snapshot-count': '10000',
      'trusted-ca-file': `${CERTIFICATES}/ca.crt`,
      'watch-progress-notify-interval': '5s',
    },
    extra,
    probe: {
      ...probeAt(extraArgument(extra, 'listen-metrics-urls') ?? metrics, localhost(settings)),
      startup: '/readyz',
      liveness: '/livez',
      readiness: '/readyz',
    },
    startMs: settings.timeouts.controlPlaneMs,
    requests: { cpu: '100m', memory: '100Mi' },
    mounts: [
      { name: 'etcd-data', path: etcd.dataDir, type: 'DirectoryOrCreate', readOnly: false },
      { name: 'etcd-certs', path: CERTIFICATES, type: 'DirectoryOrCreate', readOnly: true },
    ],
  };
}

/** Where etcd answers for its health: at the first of its URLs for metrics. */
function probeAt(urls: string, local: string): Pick<StaticPod['probe'], 'scheme' | 'host' | 'port'> {
  const [first = ''] = urls.split(',');
  const url = URL.canParse(first) ? new URL(first) : new URL(`http://${bracketed(local)}`);
  return {
    scheme: url.protocol === 'https:' ? 'HTTPS' : 'HTTP',
    host: url.hostname.replace(/^\[|\]$/g, '') || local,
    port: url.port === '' ? METRICS_PORT : Number(url.port),
  };
}
