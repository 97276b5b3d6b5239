import { describe, expect, test } from 'vitest';
import { parseDocuments } from '../../../src/config/documents.ts';
import { type InitSettings, initSettings } from '../../../src/config/settings.ts';
import { goDuration } from '../../../src/config/values.ts';

function settings(fields: string): InitSettings {
  const yaml = `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n${fields}`;
  return initSettings(
    {},
    parseDocuments(yaml, 'test'),
    { hostname: 'h1', defaultAddress: '10.0.0.1' },
    'v1.36.3',
  );
}

describe('ClusterConfiguration says how long certificates are valid', () => {
  test('ten years and one when it says nothing', () => {
    expect(settings('').certificateValidity).toEqual({
      authoritySeconds: 315_360_000,
      leafSeconds: 31_536_000,
    });
  });

  test('as Go writes durations', () => {
    const fields = 'caCertificateValidityPeriod: 240h\ncertificateValidityPeriod: 1h30m0s\n';
    expect(settings(fields).certificateValidity).toEqual({ authoritySeconds: 864_000, leafSeconds: 5_400 });
    expect([goDuration(864_000), goDuration(5_400), goDuration(61)]).toEqual([
      '240h0m0s',
      '1h30m0s',
      '0h1m1s',
    ]);
  });

  test.each(['1y', '', '-1h'])('but not %j', (period) => {
    expect(() => settings(`certificateValidityPeriod: ${JSON.stringify(period)}\n`)).toThrow(
      /certificateValidityPeriod: is not a duration such as/,
    );
  });

  test('and not of no time', () => {
    expect(() => settings('certificateValidityPeriod: 0h0m0s')).toThrow('is no time at all');
  });

  test('and no certificate longer than its authority', () => {
    expect(() => settings('caCertificateValidityPeriod: 10h\ncertificateValidityPeriod: 11h\n')).toThrow(
      'certificateValidityPeriod 11h is longer than caCertificateValidityPeriod 10h',
    );
  });
});
