import { UserError } from '../errors.ts';
import { privateKeyPem } from './keys.ts';
import { buildKubeconfig, unsignedKeyOf } from './kubeconfig.ts';
import {
  AGENT_IDENTITY,
  AGENT_PAIR,
  KUBERNETES_DIRECTORY,
  keyFrom,
  NO_NAMES,
  PKI_DIRECTORY,
  type PkiFile,
  type Plan,
} from './plan.ts';
import {
  type AuthorityId,
  authoritiesOf,
  type CertificateRow,
  certificatesOf,
  controlPlaneAgent,
  KUBECONFIGS,
  type KubeconfigRow,
  type PkiSettings,
  serverOf,
} from './table.ts';
import { createCertificateRequest, publicKeyOf } from './x509.ts';

/*
 * External authorities: their certificates are on the host, their keys are not. Somebody else signs what the
 * table of certificates asks for, from requests that stand beside the keys.
 */

type Files = ReadonlyMap<string, string>;

/** Whether the authority's certificate is there, and its key is not. */
export function isExternal(existing: Files, id: AuthorityId): boolean {
  return existing.has(`${PKI_DIRECTORY}/${id}.crt`) && !existing.has(`${PKI_DIRECTORY}/${id}.key`);
}

/**
 * Paths of what external authorities have to sign, and that is not there.
 * @param wanted which files of the tables it is asked for; `agent` is the agent's identity
 */
export function missingSignatures(
  settings: PkiSettings,
  existing: Files,
  wanted: (file: string) => boolean,
): string[] {
  const rows = certificatesOf(settings).filter(
    ({ file, authority }) => wanted(file) && isExternal(existing, authority),
  );
  const pairs = rows.map(({ file }) => `${PKI_DIRECTORY}/${file}.crt`).filter((path) => !existing.has(path));
  if (!isExternal(existing, 'ca')) return pairs;
  const kubeconfigs = KUBECONFIGS.filter(({ file }) => wanted(file)).map(
    ({ file }) => `${KUBERNETES_DIRECTORY}/${file}`,
  );
  const unsigned = kubeconfigs.filter((path) => needsCertificate(existing, path));
  const agentIsThere = existing.has(AGENT_IDENTITY) || existing.has(`${AGENT_PAIR}.crt`);
  const agent = !wanted('agent') || agentIsThere ? [] : [`${AGENT_PAIR}.crt`];
  return [...pairs, ...unsigned.map((path) => `${path}.crt`), ...agent];
}

/** @throws UserError that lists what of it external authorities have to sign, and that is not there */
export function refuseMissing(
  settings: PkiSettings,
  existing: Files,
  wanted: (file: string) => boolean,
): void {
  const missing = missingSignatures(settings, existing, wanted);
  if (missing.length === 0) return;
  const external = authoritiesOf(settings).filter((id) => isExternal(existing, id));
  const keys = external.map((id) => `${PKI_DIRECTORY}/${id}.key`);
  const list = missing.map((path) => `  ${path}`).join('\n');
  throw new UserError(
    `certificates that an external authority has to sign are missing (${keys.join(', ')} not there):\n${list}`,
    {
      remedy:
        '`kadm certs generate-csr` writes their keys and requests (.csr): put what your authority signs beside them',
    },
  );
}

/** A kubeconfig whose certificate is neither in it nor beside it. */
function needsCertificate(existing: Files, path: string): boolean {
  const present = existing.get(path);
  if (present === undefined) return true;
  return unsignedKeyOf(present) !== undefined && !existing.has(`${path}.crt`);
}

/**
 * Keys and requests for everything that is to be signed and is not there yet. Keys that are there are used.
 * Kubeconfigs get their key inside, as with kubeadm, and wait for their certificate beside them.
 * @throws UserError naming a file that holds no key
 */
export async function planRequests(plan: Plan): Promise<PkiFile[]> {
  const canSign = (id: AuthorityId): boolean => plan.existing.has(`${PKI_DIRECTORY}/${id}.key`);
  const files = await Promise.all([
    ...certificatesOf(plan.settings)
      .filter(({ authority }) => !canSign(authority))
      .map((row) => pairRequest(plan, row)),
    ...(canSign('ca') ? [] : KUBECONFIGS.map((row) => kubeconfigRequest(plan, row))),
    ...(canSign('ca') ? [] : [agentRequest(plan)]),
  ]);
  return files.flat();
}

async function pairRequest(plan: Plan, row: CertificateRow): Promise<PkiFile[]> {
  const names = row.names?.(plan.settings) ?? NO_NAMES;
  return await request(plan, `${PKI_DIRECTORY}/${row.file}`, row.subject(plan.settings), names);
}

async function agentRequest(plan: Plan): Promise<PkiFile[]> {
  if (plan.existing.has(AGENT_IDENTITY)) return [];
  return await request(plan, AGENT_PAIR, controlPlaneAgent(plan.settings), NO_NAMES);
}

async function request(
  plan: Plan,
  base: string,
  ...asked: [subject: Parameters<typeof createCertificateRequest>[0], names: typeof NO_NAMES]
): Promise<PkiFile[]> {
  if (plan.existing.has(`${base}.crt`)) return [];
  const present = plan.existing.get(`${base}.key`);
  const key = await keyFrom(plan, `${base}.key`, present);
  return [
    { path: `${base}.key`, content: present ?? privateKeyPem(key), mode: 0o600 },
    {
      path: `${base}.csr`,
      content: createCertificateRequest(...asked, publicKeyOf(key), key),
      mode: 0o644,
    },
  ];
}

async function kubeconfigRequest(plan: Plan, row: KubeconfigRow): Promise<PkiFile[]> {
  const { settings, existing } = plan;
  const path = `${KUBERNETES_DIRECTORY}/${row.file}`;
  const present = existing.get(path);
  const presentKey = present === undefined ? undefined : unsignedKeyOf(present);
  if (present !== undefined && presentKey === undefined) return [];
  const key = await keyFrom(plan, path, presentKey);
  const subject = row.subject(settings);
  const text = buildKubeconfig({
    server: serverOf(row, settings),
    caPem: existing.get(`${PKI_DIRECTORY}/ca.crt`),
    clusterName: settings.clusterName,
    userName: subject.commonName,
    keyPem: presentKey ?? privateKeyPem(key),
  });
  return [
    { path, content: text, mode: 0o600 },
    {
      path: `${path}.csr`,
      content: createCertificateRequest(subject, NO_NAMES, publicKeyOf(key), key),
      mode: 0o644,
    },
  ];
}
