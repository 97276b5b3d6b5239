import type { KeyObject } from 'node:crypto';
import { UserError } from '../errors.ts';
import { checkLeaf, wrong } from './check.ts';
import { type Authority, issueLeaf, type LeafRequest, type Usage } from './issue.ts';
import { privateKeyPem } from './keys.ts';
import { buildKubeconfig, certificateFileOf, credentialsFrom, unsignedKeyOf } from './kubeconfig.ts';
import {
  AGENT_IDENTITY,
  AGENT_PAIR,
  KUBERNETES_DIRECTORY,
  NO_NAMES,
  newKey,
  type PkiFile,
  type Plan,
} from './plan.ts';
import { controlPlaneAgent, type KubeconfigRow, serverOf } from './table.ts';
import type { Subject } from './x509.ts';

const CLIENT: readonly Usage[] = ['client'];

/** The kubeconfig of one row: the one that is there, checked, or a new one. */
export async function planKubeconfig(plan: Plan, row: KubeconfigRow, ca: Authority): Promise<PkiFile[]> {
  const { settings } = plan;
  const path = `${KUBERNETES_DIRECTORY}/${row.file}`;
  const subject = row.subject(settings);
  const server = serverOf(row, settings);
  const present = signedKubeconfig(plan, path, { ca, subject, server });
  if (present !== undefined) checkKubeconfig(plan, path, present, { ca, subject, server });
  const content = present ?? (await newKubeconfig(plan, path, { ca, subject, server }));
  return [{ path, content, mode: 0o600 }];
}

interface Access {
  readonly ca: Authority;
  readonly subject: Subject;
  readonly server: string;
}

/** The kubeconfig that is there; where it waits for its certificate and that is beside it, both in one. */
function signedKubeconfig(plan: Plan, path: string, access: Access): string | undefined {
  const present = plan.existing.get(path);
  const certPem = plan.existing.get(`${path}.crt`);
  if (present === undefined || certPem === undefined) return present;
  const keyPem = unsignedKeyOf(present);
  return keyPem === undefined ? present : kubeconfigWith(plan, access, certPem, keyPem);
}

async function newKubeconfig(plan: Plan, path: string, access: Access): Promise<string> {
  const { subject, ca } = access;
  const key = await newKey(plan);
  const certPem = issueLeaf(ca, clientRequest(plan, path, subject, key), plan.now);
  return kubeconfigWith(plan, access, certPem, privateKeyPem(key));
}

function kubeconfigWith(
  { settings }: Plan,
  { ca, subject, server }: Access,
  certPem: string,
  keyPem: string,
): string {
  const { clusterName } = settings;
  return buildKubeconfig({
    server,
    caPem: ca.certPem,
    clusterName,
    userName: subject.commonName,
    certPem,
    keyPem,
  });
}

function clientRequest({ settings }: Plan, path: string, subject: Subject, key: KeyObject): LeafRequest {
  const validitySeconds = settings.validity.leafSeconds;
  return { path, subject, key, usages: CLIENT, names: NO_NAMES, validitySeconds };
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

/** @throws UserError naming the file that is no kubeconfig */
export function kubeconfigAt(path: string, text: string): ReturnType<typeof credentialsFrom> {
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
  const present = plan.existing.get(path) ?? signedPair(plan, AGENT_PAIR);
  if (present !== undefined) {
    const expected = { path, subject, usages: CLIENT, names: NO_NAMES, issuerPem: ca.certPem };
    checkLeaf({ ...expected, certPem: present, keyPem: present }, plan.now);
    return [{ path, content: present, mode: 0o600 }];
  }
  const key = await newKey(plan);
  const content = `${issueLeaf(ca, clientRequest(plan, path, subject, key), plan.now)}${privateKeyPem(key)}`;
  return [{ path, content, mode: 0o600 }];
}

/** Certificate and key in one text, where both are there. */
function signedPair({ existing }: Plan, base: string): string | undefined {
  const [certPem, keyPem] = [existing.get(`${base}.crt`), existing.get(`${base}.key`)];
  return certPem === undefined || keyPem === undefined ? undefined : `${certPem.trim()}\n${keyPem}`;
}
