import { describe, expect, it } from 'vitest';
import { hostEnds } from '../../../src/cni/bridge-ports.ts';

describe('what libcni keeps of a pod', () => {
  it('names the host’s end of its link, and the bridge', () => {
    const interfaces = [
      { name: 'cni0', mac: '02:00:00:00:00:01' },
      { name: 'veth1a2b3c4d', mac: '02:00:00:00:00:02' },
      { name: 'eth0', mac: '02:00:00:00:00:03', sandbox: '/var/run/netns/cni-1' },
    ];
    const text = JSON.stringify({ kind: 'cniCacheV1', result: { cniVersion: '1.0.0', interfaces } });
    expect(hostEnds(Buffer.from(text))).toEqual(['cni0', 'veth1a2b3c4d']);
  });

  it.each([undefined, Buffer.from(''), Buffer.from('{"result":7}')])('says nothing when it is %s', (text) =>
    expect(hostEnds(text)).toEqual([]),
  );
});
