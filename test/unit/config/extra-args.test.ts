import { describe, expect, it } from 'vitest';
import { checkConfiguration, parseDocuments } from '../../../src/config/documents.ts';
import { meaningProblems } from '../../../src/config/meaning.ts';
import { type InitFlags, initSettings } from '../../../src/config/settings.ts';

const KUBEADM = 'apiVersion: kubeadm.k8s.io/v1beta4';
const FACTS = { hostname: 'h1', defaultAddress: '10.0.0.1' };

function cluster(component: string, name: string, value: string): string {
  const fields = `extraArgs: [{ name: ${name}, value: "${value}" }]`;
  const [outer, inner] = component.split('.');
  const of = inner === undefined ? `{ ${fields} }` : `{ ${inner}: { ${fields} } }`;
  return `${KUBEADM}\nkind: ClusterConfiguration\n${outer}: ${of}\n`;
}

function settings(text: string, flags: InitFlags = {}): unknown {
  return initSettings(flags, parseDocuments(text, 'test'), FACTS, 'v1.36.3');
}

describe('an argument that contradicts the rest of the configuration is refused', () => {
  it.each([
    ['apiServer', 'secure-port', '7000', '6443, as InitConfiguration.localAPIEndpoint.bindPort has it'],
    [
      'apiServer',
      'service-cluster-ip-range',
      '10.97.0.0/16',
      '10.96.0.0/12, as ClusterConfiguration.networking.serviceSubnet has it',
    ],
    ['controllerManager', 'service-cluster-ip-range', 'x', '10.96.0.0/12, as'],
    [
      'controllerManager',
      'cluster-cidr',
      '192.168.0.0/16',
      '10.244.0.0/16, as ClusterConfiguration.networking.podSubnet has it',
    ],
    ['controllerManager', 'secure-port', '0', '10257, where it is asked for its health'],
    ['scheduler', 'secure-port', '10260', '10259, where it is asked for its health'],
    ['etcd.local', 'data-dir', '/var/lib/etcd2', 'in /var/lib/etcd, as'],
  ])('%s: %s %s', (component, name, value, wanted) => {
    expect(() => settings(cluster(component, name, value))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(
          `ClusterConfiguration.${component}.extraArgs: ${name} ${value} is not ${wanted}`,
        ),
        exitCode: 2,
      }),
    );
  });

  it('with the name of the flag that it contradicts', () => {
    expect(() => settings(cluster('apiServer', 'secure-port', '6443'), { apiserverBindPort: '443' })).toThrow(
      'secure-port 6443 is not 443, as --apiserver-bind-port has it',
    );
  });

  it('all of them in one look at a file, each with its line', () => {
    const text = `${KUBEADM}
kind: ClusterConfiguration
apiServer:
  extraArgs: [{ name: secure-port, value: "7000" }]
scheduler:
  extraArgs: [{ name: secure-port, value: "7000" }]
`;
    const known = { defaultVersion: 'v1.36.3', version: () => {}, phase: () => {} };
    expect(meaningProblems(checkConfiguration(text, 'c.yaml'), known)).toEqual([
      'c.yaml:4: ClusterConfiguration.apiServer.extraArgs: secure-port 7000 is not 6443, as InitConfiguration.localAPIEndpoint.bindPort has it: leave the argument out, and set InitConfiguration.localAPIEndpoint.bindPort',
      'c.yaml:6: ClusterConfiguration.scheduler.extraArgs: secure-port 7000 is not 10259, where it is asked for its health: leave the argument out',
    ]);
  });
});

it.each([
  ['apiServer', 'secure-port', '6443'],
  ['apiServer', 'service-cluster-ip-range', '10.96.0.0/12'],
  ['controllerManager', 'cluster-cidr', '10.244.0.0/16'],
  ['etcd.local', 'data-dir', '/var/lib/etcd'],
  ['etcd.local', 'data-dir', '/var/lib/etcd/data'],
  ['etcd.local', 'listen-client-urls', 'https://0.0.0.0:2379'],
])(
  'an argument that says the same, or has nothing against it, is taken: %s %s %s',
  (component, name, value) => {
    expect(() => settings(cluster(component, name, value))).not.toThrow();
  },
);
