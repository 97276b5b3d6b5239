import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { Access } from '../../../src/agent/access.ts';

/** An API server that knows one token, and lets readers read the metrics of n1. */
class Api {
  readonly asked: unknown[] = [];
  fails = false;

  readonly create = async <T>(path: string, body: unknown): Promise<T> => {
    this.asked.push(body);
    if (this.fails) throw new Error('away');
    const { spec } = body as { spec: Record<string, unknown> };
    if (path.endsWith('tokenreviews')) {
      const authenticated = spec.token === 'good';
      return { status: { authenticated, user: { username: 'prometheus', groups: ['readers'] } } } as T;
    }
    const { name, subresource } = spec.resourceAttributes as Record<string, string>;
    const allowed =
      (spec.groups as string[]).includes('readers') && name === 'n1' && subresource === 'metrics';
    return { status: { allowed } } as T;
  };
}

function socket(authorized: boolean, subject?: object): TLSSocket {
  return { authorized, getPeerCertificate: () => ({ subject }) } as unknown as TLSSocket;
}

describe('who asks', () => {
  const access = new Access(new Api(), 'n1');

  it('is the name and the groups of a certificate of the cluster', async () => {
    expect(await access.callerOf(socket(true, { CN: 'admin', O: ['a', 'b'] }), undefined)).toEqual({
      username: 'admin',
      groups: ['a', 'b', 'system:authenticated'],
    });
    expect(await access.callerOf(socket(true, { CN: 'admin', O: 'a' }), undefined)).toMatchObject({
      groups: ['a', 'system:authenticated'],
    });
  });

  it('is nobody with a certificate of another authority, or none', async () => {
    expect(await access.callerOf(socket(false, { CN: 'admin', O: 'a' }), undefined)).toBeUndefined();
    expect(await access.callerOf(socket(false), 'Basic YTpi')).toBeUndefined();
    expect(await access.callerOf(socket(true, {}), undefined)).toBeUndefined();
  });

  it('is whom the API server knows by a token', async () => {
    expect(await access.callerOf(socket(false), 'Bearer good')).toEqual({
      username: 'prometheus',
      groups: ['readers'],
    });
    expect(await access.callerOf(socket(false), 'Bearer bad')).toBeUndefined();
  });
});

describe('who may read', () => {
  const reader = { username: 'prometheus', groups: ['readers'] };

  it('is decided by the API server, for this node and this subresource, and asked once', async () => {
    const api = new Api();
    const access = new Access(api, 'n1');
    expect(await access.mayGet(reader, 'metrics')).toBe(true);
    expect(await access.mayGet(reader, 'metrics')).toBe(true);
    expect(api.asked).toHaveLength(1);
    expect(await access.mayGet(reader, 'stats')).toBe(false);
    expect(await access.mayGet({ username: 'prometheus', groups: [] }, 'metrics')).toBe(false);
  });

  it('is nobody while the API server is away, and asked again when it is back', async () => {
    const api = new Api();
    api.fails = true;
    const access = new Access(api, 'n1');
    await expect(access.mayGet(reader, 'metrics')).rejects.toThrow('away');
    api.fails = false;
    expect(await access.mayGet(reader, 'metrics')).toBe(true);
  });
});
