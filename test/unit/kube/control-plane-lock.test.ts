import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeClient } from '../../../src/kube/client.ts';
import { ControlPlaneLock, leaseOf } from '../../../src/kube/control-plane-lock.ts';
import { FakeApi, json, type Seen } from './fake-api.ts';

const NOW = new Date('2026-11-21T12:00:00.500Z');

describe('the lease of the control plane', () => {
  it('is held from now on by who takes it, by the version that was seen', () => {
    const first = leaseOf('h1 (10.0.0.1)', NOW, undefined);
    expect(first.metadata).toEqual({ name: 'kadm-control-plane', namespace: 'kube-system' });
    const seen = { ...first, metadata: { ...first.metadata, resourceVersion: '7' } };
    const taken = leaseOf('h2 (10.0.0.2)', NOW, seen);
    expect(taken.metadata.resourceVersion).toBe('7');
    expect(taken.spec).toEqual({
      holderIdentity: 'h2 (10.0.0.2)',
      leaseDurationSeconds: 30,
      acquireTime: '2026-11-21T12:00:00.500000Z',
      renewTime: '2026-11-21T12:00:00.500000Z',
    });
  });

  it('keeps the time since when it is held as long as the same host renews it', () => {
    const later = new Date('2026-11-21T12:00:10Z');
    const { spec } = leaseOf('h1', later, leaseOf('h1', NOW, undefined));
    expect(spec.acquireTime).toBe('2026-11-21T12:00:00.500000Z');
    expect(spec.renewTime).toBe('2026-11-21T12:00:10.000000Z');
  });
});

describe('the lock of the control plane', () => {
  const options = { timeoutMs: 60_000, signal: new AbortController().signal, progress: () => {} };
  let api: FakeApi;
  let client: KubeClient;
  let lease: { metadata: { resourceVersion?: string }; spec: { holderIdentity: string } } | undefined;

  /** As the API server: whoever writes what somebody else has changed meanwhile is refused. */
  function keep({ method, body }: Seen, response: ServerResponse): void {
    if (method !== 'GET') {
      const written = JSON.parse(body);
      const { resourceVersion } = lease?.metadata ?? {};
      const isNew = method === 'POST' && lease === undefined;
      if (!isNew && written.metadata.resourceVersion !== resourceVersion) {
        json(response, 409, {});
        return;
      }
      const next = `${Number(resourceVersion ?? 0) + 1}`;
      lease = { ...written, metadata: { ...written.metadata, resourceVersion: next } };
    }
    json(response, lease === undefined ? 404 : 200, lease ?? {});
  }

  beforeEach(async () => {
    lease = undefined;
    api = new FakeApi();
    api.handler = keep;
    await api.start();
    client = new KubeClient(api.credentials);
  });
  afterEach(() => {
    client.close();
    api.stop();
  });

  it('is held by one host at a time, and by each in its turn', async () => {
    const hosts = ['h1', 'h2', 'h3'];
    const changing = new Set<string>();
    const most: number[] = [];
    const change = async (host: string): Promise<void> => {
      const lock = await ControlPlaneLock.acquire(client, host, options);
      changing.add(host);
      most.push(changing.size);
      await sleep(20);
      changing.delete(host);
      await lock.release(() => {});
    };
    await Promise.all(hosts.map(change));
    expect(most).toEqual([1, 1, 1]);
    expect(lease?.spec.holderIdentity).toBe('');
  });

  it('passes on when its holder has died, and says until then who it is', async () => {
    const held = leaseOf('h1', NOW, undefined);
    lease = {
      ...held,
      metadata: { resourceVersion: '1' },
      spec: { ...held.spec, leaseDurationSeconds: 1 },
    } as never;
    const said: string[] = [];
    const progress = (message: string): void => void said.push(message);
    const lock = await ControlPlaneLock.acquire(client, 'h2', { ...options, progress });
    expect(said[0]).toMatch(/^waiting for another host .*: h1, since 2026-11-21T12:00:00/);
    await lock.release(() => {});
  });

  it('that is not to be had in time says who has it', async () => {
    lease = { ...leaseOf('h1', NOW, undefined), metadata: { resourceVersion: '1' } } as never;
    await expect(ControlPlaneLock.acquire(client, 'h2', { ...options, timeoutMs: 0 })).rejects.toThrow(
      'another host is joining or leaving the control plane: h1, since',
    );
  });
});
