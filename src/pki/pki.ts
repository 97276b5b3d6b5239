import { createPublicKey, type KeyObject } from 'node:crypto';
import { UserError } from '../errors.ts';
import { checkAuthority, checkLeaf, wrong } from './check.ts';
import { planAgentIdentity, planKubeconfig } from './client-files.ts';
import { refuseMissing } from './external.ts';
import { type Authority, issueAuthority, issueLeaf } from './issue.ts';
import { privateKeyPem, publicKeyPem } from './keys.ts';
import { keyFrom, NO_NAMES, PKI_DIRECTORY, type PkiFile, type Plan } from './plan.ts';
import {
  AUTHORITIES,
  type AuthorityId,
  authoritiesOf,
  CERTS_PARTS,
  type CertificateRow,
  certificatesOf,
  KUBECONFIG_PARTS,
  KUBECONFIGS,
  type PkiSettings,
  partOf,
} from './table.ts';
import { publicKeyOf } from './x509.ts';

export { AGENT_IDENTITY, KUBERNETES_DIRECTORY, PKI_DIRECTORY, type PkiFile } from './plan.ts';

interface PlannedAuthority extends Authority {
  readonly files: readonly PkiFile[];
}

const ALL_PARTS = [...CERTS_PARTS, ...KUBECONFIG_PARTS];

/**
 * The files of a control plane's PKI: those in `existing` are checked and kept, the others are made.
 * Of each pair the key comes before the certificate, so that a run cut short never leaves the latter alone.
 * @param existing content by path of the files that are there
 * @param parts what to plan alone; an authority that is none of them has to be there for what it signs
 * @returns every file that should be there, kept ones with their present content
 * @throws UserError naming a file that is there and wrong, an authority that is not there, or what an external one has to make
 */
export async function planPki(
  settings: PkiSettings,
  existing: ReadonlyMap<string, string>,
  now: Date,
  parts: readonly string[] = ALL_PARTS,
): Promise<PkiFile[]> {
  const plan: Plan = { settings, existing, now };
  const wanted = (file: string): boolean => parts.includes(partOf(file));
  refuseMissing(settings, existing, wanted);
  const made = authoritiesOf(settings).filter(wanted);
  const authorities = new Map(made.map((id) => [id, authority(plan, id)]));
  const signer = async (id: AuthorityId): Promise<Authority> =>
    await (authorities.get(id) ?? presentAuthority(plan, id));
  const files = await Promise.all([
    ...[...authorities.values()].map(async (planned) => (await planned).files),
    ...certificatesOf(settings)
      .filter(({ file }) => wanted(file))
      .map(async (row) => await leaf(plan, row, await signer(row.authority))),
    ...(wanted('sa') ? [serviceAccountKey(plan)] : []),
    ...KUBECONFIGS.filter(({ file }) => wanted(file)).map(
      async (row) => await planKubeconfig(plan, row, await signer('ca')),
    ),
    ...(wanted('agent') ? [signer('ca').then((ca) => planAgentIdentity(plan, ca))] : []),
  ]);
  return files.flat();
}

/** One that is there already, with its key or without. @throws UserError naming it where it is not, or is wrong */
function presentAuthority(plan: Plan, id: AuthorityId): Authority {
  const base = `${PKI_DIRECTORY}/${id}`;
  const path = `${base}.crt`;
  const { certPem, keyPem } = existingPair(plan, base);
  if (certPem !== undefined) return { path, certPem, key: checkAuthority(path, certPem, keyPem, plan.now) };
  throw new UserError(`${path}, the authority that has to sign, is not there`, {
    remedy: `put it there with its key; for a new cluster \`kadm init phase certs ${partOf(id)}\` makes one`,
  });
}

async function authority(plan: Plan, id: AuthorityId): Promise<PlannedAuthority> {
  const base = `${PKI_DIRECTORY}/${id}`;
  const path = `${base}.crt`;
  const { certPem, keyPem } = existingPair(plan, base);
  if (certPem !== undefined) return { ...presentAuthority(plan, id), files: pair(base, certPem, keyPem) };
  const key = await keyFrom(plan, `${base}.key`, keyPem);
  const made = issueAuthority(AUTHORITIES[id], key, plan.now, plan.settings.validity.authoritySeconds);
  return { path, certPem: made, key, files: pair(base, made, keyPem ?? privateKeyPem(key)) };
}

async function leaf(plan: Plan, row: CertificateRow, issuer: Authority): Promise<PkiFile[]> {
  const { usages } = row;
  const base = `${PKI_DIRECTORY}/${row.file}`;
  const path = `${base}.crt`;
  const subject = row.subject(plan.settings);
  const names = row.names?.(plan.settings) ?? NO_NAMES;
  const { certPem, keyPem } = existingPair(plan, base);
  if (certPem === undefined) {
    const key = await keyFrom(plan, `${base}.key`, keyPem);
    const validitySeconds = plan.settings.validity.leafSeconds;
    const made = issueLeaf(issuer, { path, subject, key, usages, names, validitySeconds }, plan.now);
    return pair(base, made, keyPem ?? privateKeyPem(key));
  }
  if (keyPem === undefined) throw wrong(path, `is there without its key ${base}.key`);
  // etcd gives the same rights to whomever its authority signed; the API server goes by the name.
  const identity = row.authority !== 'etcd/ca' && !usages.includes('server') ? { subject } : {};
  checkLeaf({ path, certPem, keyPem, issuerPem: issuer.certPem, names, usages, ...identity }, plan.now);
  return pair(base, certPem, keyPem);
}

/** The pair by which service account tokens are signed and checked: no certificate. */
async function serviceAccountKey(plan: Plan): Promise<PkiFile[]> {
  const [path, publicPath] = [`${PKI_DIRECTORY}/sa.key`, `${PKI_DIRECTORY}/sa.pub`];
  const [present, publicPem] = [plan.existing.get(path), plan.existing.get(publicPath)];
  if (present === undefined && publicPem !== undefined)
    throw wrong(publicPath, `is there without its key ${path}`);
  const key = await keyFrom(plan, path, present);
  const publicKey = publicKeyOf(key);
  if (publicPem !== undefined && !isPublicKey(publicPem, publicKey)) {
    throw wrong(publicPath, 'does not belong to the key beside it');
  }
  return [
    { path, content: present ?? privateKeyPem(key), mode: 0o600 },
    { path: publicPath, content: publicPem ?? publicKeyPem(publicKey), mode: 0o600 },
  ];
}

function isPublicKey(pem: string, key: KeyObject): boolean {
  try {
    return createPublicKey(pem).equals(key);
  } catch {
    return false;
  }
}

function existingPair(
  { existing }: Plan,
  base: string,
): { certPem: string | undefined; keyPem: string | undefined } {
  return { certPem: existing.get(`${base}.crt`), keyPem: existing.get(`${base}.key`) };
}

function pair(base: string, certPem: string, keyPem: string | undefined): PkiFile[] {
  const key: PkiFile[] = keyPem === undefined ? [] : [{ path: `${base}.key`, content: keyPem, mode: 0o600 }];
  return [...key, { path: `${base}.crt`, content: certPem, mode: 0o644 }];
}
