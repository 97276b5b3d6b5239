import { describe, expect, it } from 'vitest';
import { proxyVariables } from '../../../src/config/proxy.ts';

const INSIDE = ['10.244.0.0/16', '10.96.0.0/12', '10.0.0.1', '.cluster.local'];
const DIRECT = `localhost,127.0.0.1,::1,.svc,${INSIDE.join(',')}`;

describe('proxyVariables', () => {
  it('are none without a proxy, even where NO_PROXY is set', () => {
    expect(proxyVariables({ PATH: '/bin', NO_PROXY: 'x' }, INSIDE)).toEqual([]);
    expect(proxyVariables({ HTTP_PROXY: '' }, INSIDE)).toEqual([]);
  });

  it('add what is inside of the cluster to what was said', () => {
    expect(
      proxyVariables({ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'a.example.org, localhost' }, INSIDE),
    ).toEqual([
      { name: 'HTTPS_PROXY', value: 'http://p:1' },
      { name: 'NO_PROXY', value: `a.example.org,${DIRECT}` },
    ]);
  });

  it('are written in the case in which they were given', () => {
    expect(proxyVariables({ https_proxy: 'http://p:1', FTP_PROXY: 'http://p:2' }, INSIDE)).toEqual([
      { name: 'FTP_PROXY', value: 'http://p:2' },
      { name: 'NO_PROXY', value: DIRECT },
      { name: 'https_proxy', value: 'http://p:1' },
      { name: 'no_proxy', value: DIRECT },
    ]);
  });
});
