import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../src/config/documents.ts';
import { type JoinFlags, joinSettings } from '../../../src/config/join-settings.ts';

const FACTS = { hostname: 'h2', defaultAddress: '10.0.0.2' };
const CLUSTER = { endpoint: '10.0.0.1', token: 't', discoveryTokenUnsafeSkipCaVerification: true };
const KEY = 'ab'.repeat(32);

function settings(flags: JoinFlags, controlPlane = ''): ReturnType<typeof joinSettings> {
  const text = `apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n${controlPlane}`;
  return joinSettings({ ...CLUSTER, ...flags }, parseDocuments(text, 'test'), FACTS);
}

describe('a host that joins', () => {
  it('is a worker where nothing else is said', () => {
    expect(settings({}).controlPlane).toBeUndefined();
  });

  it('is a control plane by the flag, or by an empty field of the file', () => {
    const expected = { advertiseAddress: '10.0.0.2', apiPort: 6443, certificateKey: undefined };
    expect(settings({ controlPlane: true }).controlPlane).toEqual(expected);
    expect(settings({}, 'controlPlane: {}').controlPlane).toEqual(expected);
  });

  it('has as control plane one address, of the API server, of the node and in its certificates', () => {
    const text = `controlPlane: { certificateKey: ${KEY}, localAPIEndpoint: { advertiseAddress: 10.9.0.2, bindPort: 7443 } }`;
    const { controlPlane, nodeIP } = settings({}, text);
    expect(controlPlane).toEqual({ advertiseAddress: '10.9.0.2', apiPort: 7443, certificateKey: KEY });
    expect(nodeIP).toBe('10.9.0.2');
    expect(settings({ apiserverAdvertiseAddress: '10.8.0.2' }, text).nodeIP).toBe('10.8.0.2');
  });

  it('is refused flags of a control plane as a worker', () => {
    for (const flag of ['certificateKey', 'apiserverAdvertiseAddress', 'apiserverBindPort'] as const) {
      expect(() => settings({ [flag]: 'x' })).toThrow(/^--[a-z-]+ is for control planes$/);
    }
  });

  it.each([
    [{ apiserverAdvertiseAddress: '::1' }, '--apiserver-advertise-address: "::1" is a loopback address'],
    [{ apiserverBindPort: '10250' }, '--apiserver-bind-port: 10250 is the port of the kubelet'],
  ])('is refused %j as a control plane', (flags, message) => {
    expect(() => settings({ controlPlane: true, ...flags })).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message), exitCode: 2 }),
    );
  });

  it('is refused a key that is none, which is not repeated', () => {
    const wrong = { controlPlane: true, certificateKey: 's3cret' };
    expect(() => settings(wrong)).toThrow('--certificate-key is not 64 hexadecimal digits');
  });
});
