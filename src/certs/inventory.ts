import { realpath } from 'node:fs/promises';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { existingPki } from '../node/pki-files.ts';
import { parseCertificate } from '../pki/check.ts';
import { kubeconfigAt } from '../pki/client-files.ts';
import { isExternal } from '../pki/external.ts';
import { certificateFileOf } from '../pki/kubeconfig.ts';
import { AGENT_IDENTITY, KUBERNETES_DIRECTORY, PKI_DIRECTORY } from '../pki/plan.ts';
import {
  AUTHORITIES,
  type AuthorityId,
  CERTIFICATES,
  type Component,
  KUBECONFIGS,
  partOf,
} from '../pki/table.ts';

export type Renewer = 'kadm' | 'kubelet' | 'agent';

/** One certificate that this host should have, or an authority. */
export interface Item {
  /** As kubeadm calls it, such as etcd-server or admin.conf. */
  readonly name: string;
  /** The file that holds it. */
  readonly path: string;
  /** Undefined for an authority itself. */
  readonly authority: AuthorityId | undefined;
  readonly renewedBy: Renewer;
  readonly usedBy: Component | undefined;
  /** Undefined where it is missing. */
  readonly certPem: string | undefined;
}

export interface Inventory {
  readonly certificates: readonly Item[];
  readonly authorities: readonly Item[];
  /** What the files of the PKI hold, by path. */
  readonly files: ReadonlyMap<string, string>;
}

const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const ETCD_MANIFEST = '/etc/kubernetes/manifests/etcd.yaml';

/**
 * The certificates of this host: of a control plane all of them, of a worker those of the kubelet and of the agent.
 * @throws UserError where there are none, or one cannot be read
 */
export async function inventory(host: Host): Promise<Inventory> {
  const files = await existingPki(host);
  const controlPlane =
    files.has(`${KUBERNETES_DIRECTORY}/admin.conf`) || (await host.stat(MANIFEST)) !== undefined;
  const [authorities, certificates] = [authorityItems(files), await certificateItems(host, files)];
  if (controlPlane) {
    const etcdIsHere = (await host.stat(ETCD_MANIFEST)) !== undefined;
    // Of an etcd that somebody else runs nothing is missing here.
    const ours = (item: Item): boolean => etcdIsHere || isThere(item) || !isOfEtcd(item);
    return { authorities: authorities.filter(ours), certificates: certificates.filter(ours), files };
  }
  const there = { authorities: authorities.filter(isThere), certificates: certificates.filter(isThere) };
  if (there.certificates.length > 0) return { ...there, files };
  throw new UserError(`there are no certificates of a node in ${KUBERNETES_DIRECTORY}`, {
    remedy: 'run this on a node of a cluster',
    exitCode: EXIT.preflight,
  });
}

const isOfEtcd = ({ authority, path }: Item): boolean =>
  authority === 'etcd/ca' || path === `${PKI_DIRECTORY}/etcd/ca.crt`;

const isThere = ({ certPem }: Item): boolean => certPem !== undefined;

function authorityItems(files: ReadonlyMap<string, string>): Item[] {
  return (Object.keys(AUTHORITIES) as AuthorityId[]).map((id) => {
    const path = `${PKI_DIRECTORY}/${id}.crt`;
    const certPem = files.get(path);
    return { name: partOf(id), path, authority: undefined, renewedBy: 'kadm', usedBy: undefined, certPem };
  });
}

async function certificateItems(host: Host, files: ReadonlyMap<string, string>): Promise<Item[]> {
  const pairs = CERTIFICATES.map(({ file, authority, usedBy }): Item => {
    const path = `${PKI_DIRECTORY}/${file}.crt`;
    return { name: partOf(file), path, authority, renewedBy: 'kadm', usedBy, certPem: files.get(path) };
  });
  const kubeconfigs = KUBECONFIGS.map(async ({ file, usedBy }): Promise<Item> => {
    const path = `${KUBERNETES_DIRECTORY}/${file}`;
    const renewedBy = file === 'kubelet.conf' ? 'kubelet' : 'kadm';
    const found = await kubeconfigCertificate(host, path, files.get(path));
    return { name: file, authority: 'ca', renewedBy, usedBy, ...found };
  });
  const agent = { name: 'agent', path: AGENT_IDENTITY, authority: 'ca', renewedBy: 'agent' } as const;
  const all = [...pairs, ...(await Promise.all(kubeconfigs))].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return [...all, { ...agent, usedBy: undefined, certPem: files.get(AGENT_IDENTITY) }];
}

async function kubeconfigCertificate(
  host: Host,
  path: string,
  text: string | undefined,
): Promise<Pick<Item, 'path' | 'certPem'>> {
  if (text === undefined) return { path, certPem: undefined };
  const { certPem } = kubeconfigAt(path, text);
  const file = certificateFileOf(text);
  if (file === undefined || (await host.stat(file)) === undefined) return { path, certPem };
  // A link to the latest of several.
  const target = await realpath(file);
  return { path: target, certPem: (await host.readFile(target))?.toString('utf8') };
}

/** With kubeadm's names, for programs: `kubeadm certs check-expiration -o json` has the same fields. */
export interface Expiration {
  readonly name: string;
  /** RFC 3339; left out for a missing one. */
  readonly expirationDate?: string;
  /** Seconds; negative once it has expired. */
  readonly residualTime?: number;
  /** The authority's certificate is here, its key is not. */
  readonly externallyManaged?: boolean;
  readonly caName?: string;
  readonly renewedBy?: Renewer;
  readonly missing: boolean;
}

export interface Expirations {
  readonly certificates: readonly Expiration[];
  readonly certificateAuthorities: readonly Expiration[];
}

export function expirations({ certificates, authorities, files }: Inventory, now: Date): Expirations {
  return {
    certificates: certificates.map((item) => expiration(item, files, now)),
    certificateAuthorities: authorities.map((item) => expiration(item, files, now)),
  };
}

function expiration(item: Item, files: ReadonlyMap<string, string>, now: Date): Expiration {
  const { name, path, certPem, authority, renewedBy } = item;
  if (certPem === undefined) return { name, missing: true };
  const { validToDate } = parseCertificate(path, certPem);
  const id = authority ?? authorityOf(path);
  return {
    name,
    expirationDate: validToDate.toISOString().replace('.000Z', 'Z'),
    residualTime: Math.floor((validToDate.getTime() - now.getTime()) / 1000),
    externallyManaged: isExternal(files, id),
    ...(authority === undefined ? {} : { caName: partOf(authority), renewedBy }),
    missing: false,
  };
}

function authorityOf(path: string): AuthorityId {
  return path.slice(PKI_DIRECTORY.length + 1, -'.crt'.length) as AuthorityId;
}
