import { imageName } from '../components/catalog.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import { bracketed, type InitContext } from './context.ts';
import { type StaticPod, writeStaticPod } from './static-pod.ts';

const DATA = '/var/lib/etcd';
const CERTIFICATES = '/etc/kubernetes/pki/etcd';

/** The cluster's store, one member for now. */
export const etcd: Phase<InitContext> = {
  id: 'etcd',
  title: 'Write the manifest of etcd',
  needs: ['certs', 'images'],
  async run(context) {
    const changes = changesOf(context, 'etcd');
    await changes.tree(DATA, 0o700);
    await writeStaticPod(changes, etcdPod(context));
  },
};

export function etcdPod({ settings, release }: InitContext): StaticPod {
  const address = bracketed(settings.advertiseAddress);
  const client = `https://${address}:2379`;
  const peer = `https://${address}:2380`;
  return {
    name: 'etcd',
    image: imageName('image-etcd', release()),
    annotations: { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': client },
    args: {
      'advertise-client-urls': client,
      'cert-file': `${CERTIFICATES}/server.crt`,
      'client-cert-auth': 'true',
      'data-dir': DATA,
      'feature-gates': 'InitialCorruptCheck=true',
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `${settings.nodeName}=${peer}`,
      'key-file': `${CERTIFICATES}/server.key`,
      'listen-client-urls': `https://127.0.0.1:2379,${client}`,
      'listen-metrics-urls': 'http://127.0.0.1:2381',
      'listen-peer-urls': peer,
      name: settings.nodeName,
      'peer-cert-file': `${CERTIFICATES}/peer.crt`,
      'peer-client-cert-auth': 'true',
      'peer-key-file': `${CERTIFICATES}/peer.key`,
      'peer-trusted-ca-file': `${CERTIFICATES}/ca.crt`,
      'snapshot-count': '10000',
      'trusted-ca-file': `${CERTIFICATES}/ca.crt`,
      'watch-progress-notify-interval': '5s',
    },
    probe: {
      scheme: 'HTTP',
      host: '127.0.0.1',
      port: 2381,
      startup: '/readyz',
      liveness: '/livez',
      readiness: '/readyz',
    },
    requests: { cpu: '100m', memory: '100Mi' },
    mounts: [
      { name: 'etcd-data', path: DATA, type: 'DirectoryOrCreate', readOnly: false },
      { name: 'etcd-certs', path: CERTIFICATES, type: 'DirectoryOrCreate', readOnly: true },
    ],
  };
}
