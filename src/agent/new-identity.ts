import { readFile } from 'node:fs/promises';
import { hasCode } from '../errors.ts';
import { KubeClient } from '../kube/client.ts';
import { requestCertificate } from '../kube/signing.ts';
import { agentOrganizations, agentUser } from '../pki/agent-identity.ts';
import { issueLeaf } from '../pki/issue.ts';
import { generateKeyPair, parsePrivateKey, privateKeyPem } from '../pki/keys.ts';
import type { AgentSettings } from './settings.ts';
import { AGENT_USAGES, SIGNER } from './signing-request.ts';

const SIGN_TIMEOUT_MS = 120_000;
const NO_NAMES = { dns: [], ips: [] } as const;

/**
 * A new key and certificate of this node's agent, in one PEM text. A control plane has the authority itself; a
 * worker asks the cluster in the name of its kubelet.
 * @throws UserError when the request is refused, or nobody approves it in time
 */
export async function newIdentity(settings: AgentSettings, signal: AbortSignal): Promise<string> {
  const authority = settings.role === 'control-plane' ? await readAuthority(settings) : undefined;
  if (authority === undefined) return await requestIdentity(settings, signal);
  const { privateKey } = await generateKeyPair('ECDSA-P256');
  const subject = {
    commonName: agentUser(settings.nodeName),
    organizations: agentOrganizations('control-plane'),
  };
  const request = {
    path: settings.identityFile,
    subject,
    key: privateKey,
    usages: ['client'],
    names: NO_NAMES,
  } as const;
  return `${issueLeaf(authority, request, new Date())}${privateKeyPem(privateKey)}`;
}

async function readAuthority({
  caFile,
}: AgentSettings): Promise<Parameters<typeof issueLeaf>[0] | undefined> {
  try {
    const key = parsePrivateKey(await readFile(caFile.replace(/\.crt$/, '.key'), 'utf8'));
    return { path: caFile, certPem: await readFile(caFile, 'utf8'), key };
  } catch (error) {
    // An external authority keeps its key elsewhere.
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function requestIdentity(settings: AgentSettings, signal: AbortSignal): Promise<string> {
  const caPem = await readFile(settings.caFile, 'utf8');
  const kubelet = await readFile(settings.kubeletIdentityFile, 'utf8');
  const client = new KubeClient({ server: settings.server, caPem, certPem: kubelet, keyPem: kubelet });
  try {
    const wanted = {
      subject: { commonName: agentUser(settings.nodeName), organizations: agentOrganizations('worker') },
      generateName: 'kadm-agent-',
      signerName: SIGNER,
      usages: AGENT_USAGES,
      timeoutMs: SIGN_TIMEOUT_MS,
      approver:
        'an agent on a control plane approves it: see that one runs there (systemctl status kadm-agent)',
    };
    return await requestCertificate(client, wanted, signal);
  } finally {
    client.close();
  }
}
