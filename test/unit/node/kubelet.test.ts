import { describe, expect, it } from 'vitest';
import { joinSettings } from '../../../src/config/join-settings.ts';
import { flagsFile, kubeletConfiguration, localConfiguration } from '../../../src/node/kubelet.ts';

const FLAGS = {
  endpoint: 'a',
  token: 'abcdef.0123456789abcdef',
  discoveryTokenUnsafeSkipCaVerification: true,
  nodeName: 'w1',
};
const SETTINGS = joinSettings(FLAGS, {}, { hostname: 'h', defaultAddress: '10.0.0.2' });

describe('KubeletConfiguration', () => {
  it('takes the fields of the user into kadm’s, at any depth', () => {
    const configuration = kubeletConfiguration('10.96.0.10', 'cluster.local', {
      maxPods: 7,
      authentication: { webhook: { cacheTTL: '1m0s' } },
      clusterDNS: ['169.254.20.10'],
    });
    expect(configuration).toMatchObject({
      maxPods: 7,
      clusterDNS: ['169.254.20.10'],
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: true, cacheTTL: '1m0s' },
        x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' },
      },
    });
  });

  it('of the cluster says nothing of the kernel of a host; that of a node does, unless the user does', () => {
    const cluster = kubeletConfiguration('10.96.0.10', 'cluster.local', {});
    expect(cluster).not.toHaveProperty('protectKernelDefaults');
    expect(localConfiguration(cluster, {}, [], false)).toMatchObject({ protectKernelDefaults: true });
    const given = { protectKernelDefaults: false };
    expect(localConfiguration({ ...cluster, ...given }, {}, [], false)).toMatchObject(given);
    expect(localConfiguration(cluster, given, [], false)).toMatchObject(given);
  });

  it('names the real resolv.conf where systemd-resolved runs, unless the user names one', () => {
    expect(localConfiguration({}, {}, [], true)).toMatchObject({
      resolvConf: '/run/systemd/resolve/resolv.conf',
    });
    expect(localConfiguration({}, { resolvConf: '/r' }, [], true)).toMatchObject({ resolvConf: '/r' });
  });

  it('is patched last', () => {
    const patch = {
      file: 'p',
      target: 'kubeletconfiguration',
      type: 'merge',
      content: { maxPods: 3 },
    } as const;
    expect(localConfiguration({}, { maxPods: 7 }, [patch], false)).toMatchObject({ maxPods: 3 });
  });
});

describe('the flags of the kubelet', () => {
  it('are kadm’s, the taints to register with, and the user’s in place of them', () => {
    expect(flagsFile(SETTINGS, [])).toBe(
      'KUBELET_KUBEADM_ARGS="--hostname-override=w1 --node-ip=10.0.0.2"\n',
    );
    const kubeletExtraArgs = [
      { name: 'node-ip', value: '10.0.0.9' },
      { name: 'v', value: '4' },
    ];
    const taints = [
      { key: 'a', value: 'b', effect: 'NoExecute' },
      { key: 'c', effect: 'NoSchedule' },
    ] as const;
    expect(flagsFile({ ...SETTINGS, kubeletExtraArgs }, taints)).toBe(
      'KUBELET_KUBEADM_ARGS="--hostname-override=w1 --register-with-taints=a=b:NoExecute,c:NoSchedule --node-ip=10.0.0.9 --v=4"\n',
    );
  });
});
