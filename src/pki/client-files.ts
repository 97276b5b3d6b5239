import { UserError } from '../errors.ts';
import { checkLeaf, wrong } from './check.ts';
import { type Authority, issueLeaf, type Usage } from './issue.ts';
import { privateKeyPem } from './keys.ts';
import { buildKubeconfig, certificateFileOf, credentialsFrom } from './kubeconfig.ts';
import { AGENT_IDENTITY, KUBERNETES_DIRECTORY, NO_NAMES, newKey, type PkiFile, type Plan } from './plan.ts';
import { controlPlaneAgent, type KubeconfigRow } from './table.ts';
import type { Subject } from './x509.ts';

const CLIENT: readonly Usage[] = ['client'];

/** The kubeconfig of one row: the one that is there, checked, or a new one. */
export async function planKubeconfig(plan: Plan, row: KubeconfigRow, ca: Authority): Promise<PkiFile[]> {
  const { settings } = plan;
  const path = `${KUBERNETES_DIRECTORY}/${row.file}`;
  const subject = row.subject(settings);
  const server = row.server === 'local' ? settings.localServer : settings.server;
  const present = plan.existing.get(path);
  if (present !== undefined) checkKubeconfig(plan, path, present, { ca, subject, server });
  const content = present ?? (await newKubeconfig(plan, path, { ca, subject, server }));
  return [{ path, content, mode: 0o600 }];
}

interface Access {
  readonly ca: Authority;
  readonly subject: Subject;
  readonly server: string;
}

async function newKubeconfig(plan: Plan, path: string, { ca, subject, server }: Access): Promise<string> {
  const key = await newKey(plan);
  return buildKubeconfig({
    server,
    caPem: ca.certPem,
    clusterName: plan.settings.clusterName,
    userName: subject.commonName,
    certPem: issueLeaf(ca, { path, subject, key, usages: CLIENT, names: NO_NAMES }, plan.now),
    keyPem: privateKeyPem(key),
  });
}

function checkKubeconfig(plan: Plan, path: string, text: string, { ca, subject, server }: Access): void {
  const found = kubeconfigAt(path, text);
  if (found.caPem.trim() !== ca.certPem.trim()) throw wrong(path, 'is for another cluster');
  // A kubelet that renews its certificate keeps it in a file of its own; the endpoint may have been changed with it.
  if (certificateFileOf(text) !== undefined) return;
  if (found.server !== server) throw wrong(path, `leads to ${found.server}, not to ${server}`);
  const { certPem, keyPem } = found;
  if (certPem === undefined || keyPem === undefined) throw wrong(path, 'has no client certificate and key');
  const expected = { path, certPem, keyPem, issuerPem: ca.certPem, names: NO_NAMES, usages: CLIENT, subject };
  checkLeaf(expected, plan.now);
}

function kubeconfigAt(path: string, text: string): ReturnType<typeof credentialsFrom> {
  try {
    return credentialsFrom(text);
  } catch (error) {
    if (error instanceof UserError) throw wrong(path, 'is not a kubeconfig with its CA certificate inside');
    throw error;
  }
}

/** Certificate and key of this node's agent in one file. */
export async function planAgentIdentity(plan: Plan, ca: Authority): Promise<PkiFile[]> {
  const path = AGENT_IDENTITY;
  const subject = controlPlaneAgent(plan.settings);
  const request = { path, subject, usages: CLIENT, names: NO_NAMES };
  const present = plan.existing.get(path);
  if (present !== undefined) {
    checkLeaf({ ...request, certPem: present, keyPem: present, issuerPem: ca.certPem }, plan.now);
    return [{ path, content: present, mode: 0o600 }];
  }
  const key = await newKey(plan);
  const content = `${issueLeaf(ca, { ...request, key }, plan.now)}${privateKeyPem(key)}`;
  return [{ path, content, mode: 0o600 }];
}
