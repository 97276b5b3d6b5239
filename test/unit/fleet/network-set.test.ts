import { describe, expect, it } from 'vitest';
import { type NetworkSetContext, networkSetPhases, waves } from '../../../src/fleet/network-set.ts';
import { runPhases } from '../../../src/phases/runner.ts';

const PREFIX = 'flannel.alpha.coreos.com';

describe('waves', () => {
  it('begin with one, and double up to fifty', () => {
    expect(waves([...Array(200).keys()]).map(({ length }) => length)).toEqual([
      1, 2, 4, 8, 16, 32, 50, 50, 37,
    ]);
    expect(waves([])).toEqual([]);
  });
});

interface Node {
  metadata: { name: string; annotations: Record<string, string | null> };
  status: { conditions: { type: string; status: string }[] };
}

function node(
  name: string,
  annotations: Record<string, string> = { 'kadm.io/network-backend': 'vxlan' },
): Node {
  const conditions = ['Ready', 'NetworkUnavailable'].map((type) => ({
    type,
    status: type === 'Ready' ? 'True' : 'False',
  }));
  return {
    metadata: { name, annotations: { [`${PREFIX}/backend-type`]: 'vxlan', ...annotations } },
    status: { conditions },
  };
}

/** An API in which each node's agent answers what it is wanted to have. */
function api(nodes: Node[], answer: (name: string, wanted: string) => Record<string, string>) {
  let configuration = 'backend: vxlan\nvni: 1\n';
  const asked: string[] = [];
  const find = (path: string): Node => {
    const found = nodes.find(({ metadata }) => path.endsWith(`/${metadata.name}`));
    if (found === undefined) throw new Error(`no ${path}`);
    return found;
  };
  const client = {
    find: async () => ({ data: { network: configuration } }),
    list: async () => ({ items: nodes, resourceVersion: '1' }),
    get: async (path: string) => {
      const { metadata, status } = find(path);
      const annotations = Object.entries(metadata.annotations).filter(([, value]) => value !== null);
      return { metadata: { ...metadata, annotations: Object.fromEntries(annotations) }, status };
    },
    patch: async (path: string, body: { data?: { network: string }; metadata?: Node['metadata'] }) => {
      if (body.data !== undefined) {
        configuration = body.data.network;
        return;
      }
      const wanted = body.metadata?.annotations['kadm.io/network-backend-wanted'] ?? null;
      const { metadata } = find(path);
      metadata.annotations['kadm.io/network-backend-wanted'] = wanted;
      if (wanted === null) return;
      asked.push(metadata.name);
      Object.assign(metadata.annotations, answer(metadata.name, wanted));
    },
  };
  return {
    client: client as unknown as NetworkSetContext['client'],
    asked,
    configuration: () => configuration,
  };
}

async function set(
  client: NetworkSetContext['client'],
  backend: NetworkSetContext['backend'],
): Promise<void> {
  const signal = new AbortController().signal;
  await runPhases(networkSetPhases, { client, backend }, { emit: () => {}, signal });
}

const takes = (_: string, wanted: string): Record<string, string> => ({ 'kadm.io/network-backend': wanted });

describe('kadm network set', () => {
  it('asks every node, and keeps the backend for those to come', async () => {
    const { client, asked, configuration } = api([node('n1'), node('n2'), node('n3')], takes);
    await set(client, 'host-gw');
    expect(asked).toEqual(['n1', 'n2', 'n3']);
    expect(configuration()).toBe('backend: host-gw\nvni: 1\n');
  });

  it('stops at the first node that cannot take it, and asks it no longer', async () => {
    const nodes = [node('n1'), node('n2'), node('n3')];
    const refuses = (_: string, wanted: string): Record<string, string> => ({
      'kadm.io/network-backend-refused': `${wanted}: Node n3 would be lost`,
    });
    const { client, asked, configuration } = api(nodes, refuses);
    await expect(set(client, 'host-gw')).rejects.toThrow(
      'Node n1 has not changed its backend: host-gw: Node n3 would be lost',
    );
    expect({ asked, configuration: configuration() }).toEqual({
      asked: ['n1'],
      configuration: 'backend: vxlan\nvni: 1\n',
    });
    expect(nodes[0]?.metadata.annotations['kadm.io/network-backend-wanted']).toBeNull();
  });

  it('does not cut off nodes on which flannel runs', async () => {
    const { client, asked } = api([node('n1'), node('f1', {})], takes);
    await expect(set(client, 'host-gw')).rejects.toThrow(
      'flannel runs on f1, and would lose all other nodes',
    );
    expect(asked).toEqual([]);
    await set(client, 'auto');
    expect(asked).toEqual(['n1']);
  });
});
