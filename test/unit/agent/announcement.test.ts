import { describe, expect, it } from 'vitest';
import { annotationPatch, announce, announcedBy, conditionPatch } from '../../../src/agent/announcement.ts';
import { desiredNetwork } from '../../../src/cni/desired.ts';
import { nodeFacts } from '../../../src/cni/node-facts.ts';
import { vtepMac } from '../../../src/cni/vtep.ts';
import { apiNode, dualHost, dualPlan, host, node, plan } from '../cni/nodes.ts';

const { desired } = desiredNetwork([node(1)], plan, host);
const announced = { ...desired, backend: 'vxlan', refused: undefined } as const;
const NOW = new Date('2026-11-21T12:00:00Z');

function told(condition: object | undefined): ReturnType<typeof nodeFacts> {
  const conditions = condition === undefined ? [] : [{ type: 'NetworkUnavailable', ...condition }];
  const annotated = apiNode(1, { backend: 'vxlan' });
  return nodeFacts({ ...annotated, status: { addresses: [], conditions } }, 'n1');
}

const READY = {
  status: 'False',
  reason: 'KadmNetworkReady',
  message: 'the pod network is set up on this node',
};

describe('annotations', () => {
  it('are written as flannel writes them', () => {
    expect(annotationPatch(node(1, { annotations: {} }), announced)).toEqual({
      metadata: {
        annotations: {
          'flannel.alpha.coreos.com/backend-data': `{"VNI":1,"VtepMAC":"${vtepMac('n1', 4)}"}`,
          'flannel.alpha.coreos.com/backend-type': 'vxlan',
          'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
          'flannel.alpha.coreos.com/public-ip': '192.168.1.1',
          'kadm.io/network-backend': 'vxlan',
        },
      },
    });
  });

  it('of IPv6 are flannel’s own, and go when this node has no network in it', () => {
    const both = desiredNetwork([node(1)], dualPlan, dualHost).desired;
    expect(announcedBy({ ...announced, ...both })).toMatchObject({
      'flannel.alpha.coreos.com/backend-data': `{"VNI":1,"VtepMAC":"${vtepMac('n1', 4)}"}`,
      'flannel.alpha.coreos.com/backend-v6-data': `{"VNI":1,"VtepMAC":"${vtepMac('n1', 6)}"}`,
      'flannel.alpha.coreos.com/public-ip': '192.168.1.1',
      'flannel.alpha.coreos.com/public-ipv6': 'fd77::1',
    });
    expect(annotationPatch(node(1, { backend: 'vxlan', dual: true }), announced)).toEqual({
      metadata: {
        annotations: {
          'flannel.alpha.coreos.com/backend-v6-data': null,
          'flannel.alpha.coreos.com/public-ipv6': null,
        },
      },
    });
  });

  it('of host-gw have no tunnel’s data, of auto are of type vxlan', () => {
    expect(announcedBy({ ...announced, backend: 'host-gw' })).toMatchObject({
      'flannel.alpha.coreos.com/backend-data': 'null',
      'flannel.alpha.coreos.com/backend-type': 'host-gw',
      'kadm.io/network-backend': 'host-gw',
    });
    expect(announcedBy({ ...announced, backend: 'auto' })).toMatchObject({
      'flannel.alpha.coreos.com/backend-type': 'vxlan',
      'kadm.io/network-backend': 'auto',
    });
  });

  it('take back why a backend was refused', () => {
    const refused = node(1, { backend: 'vxlan', refused: 'h2 would be lost' });
    expect(annotationPatch(refused, announced)).toEqual({
      metadata: { annotations: { 'kadm.io/network-backend-refused': null } },
    });
  });

  it('are written only where they differ', () => {
    expect(annotationPatch(node(1, { backend: 'vxlan' }), announced)).toBeUndefined();
    expect(annotationPatch(node(1, { backend: 'vxlan', publicIp: '6.6.6.6' }), announced)).toEqual({
      metadata: { annotations: { 'flannel.alpha.coreos.com/public-ip': '192.168.1.1' } },
    });
  });
});

describe('the condition NetworkUnavailable', () => {
  it('is told when the Node has none, or another', () => {
    expect(conditionPatch(told(undefined), { ready: true }, NOW)).toMatchObject({
      status: {
        conditions: [{ type: 'NetworkUnavailable', ...READY, lastTransitionTime: NOW.toISOString() }],
      },
    });
    expect(conditionPatch(told(READY), { ready: false, why: 'no route' }, NOW)).toMatchObject({
      status: { conditions: [{ status: 'True', reason: 'KadmNetworkFailed', message: 'no route' }] },
    });
  });

  it('is not told again', () => {
    expect(conditionPatch(told(READY), { ready: true }, NOW)).toBeUndefined();
  });
});

describe('announcing', () => {
  it('asks the API for nothing when the Node tells it all', async () => {
    const calls: string[] = [];
    const client = { patch: async <T>(path: string): Promise<T> => calls.push(path) as T };
    await announce(client, told(READY), announced, { ready: true });
    expect(calls).toEqual([]);
    await announce(client, told(undefined), announced, { ready: true });
    expect(calls).toEqual(['/api/v1/nodes/n1/status']);
  });
});
