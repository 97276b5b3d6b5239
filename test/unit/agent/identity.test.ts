import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureIdentity, renewalDue } from '../../../src/agent/identity.ts';
import type { AgentSettings } from '../../../src/agent/settings.ts';
import { parseCidr } from '../../../src/config/cidr.ts';
import { issueAuthority } from '../../../src/pki/issue.ts';
import { generateKeyPair, privateKeyPem } from '../../../src/pki/keys.ts';

const YEAR_MS = 8_760 * 3_600_000;
let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(`${tmpdir()}/kadm-identity-`);
  const { privateKey } = await generateKeyPair('ECDSA-P256');
  await writeFile(`${directory}/ca.key`, privateKeyPem(privateKey));
  await writeFile(`${directory}/ca.crt`, issueAuthority('kubernetes', privateKey, new Date()));
});

afterEach(async () => await rm(directory, { recursive: true }));

function settings(): AgentSettings {
  return {
    file: '/etc/kadm/agent.yaml',
    nodeName: 'n1',
    role: 'control-plane',
    server: 'https://192.168.1.1:6443',
    nodeIPs: [],
    podCidrs: [parseCidr('10.244.0.0/16')],
    serviceCidrs: [],
    apiNames: [],
    network: { backend: 'vxlan', vni: 1, port: 8472, exclusive: false },
    caFile: `${directory}/ca.crt`,
    identityFile: `${directory}/agent/client.pem`,
    kubeletIdentityFile: `${directory}/kubelet.pem`,
  };
}

async function identity(): Promise<string> {
  const found = await ensureIdentity(settings(), new AbortController().signal, () => undefined);
  return found?.pem ?? '';
}

describe('the identity of a control plane’s agent', () => {
  it('is made with the cluster’s authority, and says both of its groups', async () => {
    const certificate = new X509Certificate(await identity());
    expect(certificate.subject.split('\n').sort()).toEqual([
      'CN=kadm:agent:n1',
      'O=kadm:agents',
      'O=kadm:control-plane-agents',
    ]);
    expect(certificate.subjectAltName).toBeUndefined();
  });

  it('stays the same while it is valid', async () => {
    expect(await identity()).toBe(await identity());
  });

  it('is made anew where the file holds no certificate', async () => {
    const first = await identity();
    await writeFile(`${directory}/agent/client.pem`, 'not a certificate');
    expect(await identity()).not.toBe(first);
  });

  it('is renewed long before its end, and not at once', async () => {
    const pem = await identity();
    const { validToDate } = new X509Certificate(pem);
    expect(renewalDue(pem, Date.now())).toBeGreaterThan(YEAR_MS / 2);
    expect(renewalDue(pem, validToDate.getTime() - 0.29 * YEAR_MS)).toBeLessThan(0);
  });
});
