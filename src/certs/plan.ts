import { EXIT, UserError } from '../errors.ts';
import { parseCertificate, readPrivateKey } from '../pki/check.ts';
import { isExternal } from '../pki/external.ts';
import type { Authority } from '../pki/issue.ts';
import { credentialsFrom, withCredentials } from '../pki/kubeconfig.ts';
import { PKI_DIRECTORY, type PkiFile } from '../pki/plan.ts';
import { type Pair, type RenewOptions, renewPair } from '../pki/renew.ts';
import type { AuthorityId, Component } from '../pki/table.ts';
import type { Inventory, Item } from './inventory.ts';

/** What has to happen after the files of a renewal were replaced: nothing, or the start of what uses them. */
export type Group = 'client-files' | Component | 'kubelet';

/** One certificate's new files. */
export interface Renewal {
  readonly name: string;
  readonly group: Group;
  readonly files: readonly PkiFile[];
}

export interface RenewalPlan {
  readonly renewals: readonly Renewal[];
  /** Why others stay as they are, in words. */
  readonly left: readonly string[];
}

/**
 * New keys and certificates in place of those that are there.
 * @param names of certificates, or `all`
 * @throws UserError when one that was named cannot be renewed, or nothing can
 */
export async function planRenewals(
  found: Inventory,
  names: readonly string[] | 'all',
  options: RenewOptions,
  now: Date,
): Promise<RenewalPlan> {
  const items = names === 'all' ? found.certificates : names.map((name) => itemNamed(found, name));
  const reasons = new Map(items.map((item) => [item, reasonToLeave(found, item, names === 'all', now)]));
  const left = items.flatMap((item) => reasons.get(item) ?? []);
  const wanted = items.filter((item) => reasons.get(item) === undefined);
  if (wanted.length === 0 || (names !== 'all' && left.length > 0)) {
    throw new UserError(left.join('\n'), { remedy: 'nothing was changed' });
  }
  return { left, renewals: await Promise.all(wanted.map((item) => renewal(found, item, options, now))) };
}

function itemNamed({ certificates }: Inventory, name: string): Item {
  const item = certificates.find((one) => one.name === name);
  if (item !== undefined) return item;
  throw new UserError(`there is no certificate ${JSON.stringify(name)}`, {
    remedy: `names are: all, ${certificates.map((one) => one.name).join(', ')}`,
    exitCode: EXIT.usage,
  });
}

function reasonToLeave({ files }: Inventory, item: Item, all: boolean, now: Date): string | undefined {
  const { name, path, certPem, renewedBy, authority } = item;
  if (certPem === undefined) return `${name} is missing: there is no ${path}`;
  if (renewedBy === 'agent') return `${name} is renewed by the agent itself (kadm-agent.service)`;
  const here = authority !== undefined && !isExternal(files, authority) && files.has(keyPath(authority));
  const expired = parseCertificate(path, certPem).validToDate <= now;
  // Replacing it is no use while the kubelet does so itself; one that has expired it cannot replace.
  if (renewedBy === 'kubelet' && !expired && (all || !here))
    return `${name} is renewed by the kubelet itself`;
  if (!here) return `${name} cannot be renewed here: ${keyPath(authority ?? 'ca')} is not on this host`;
  return undefined;
}

function keyPath(authority: AuthorityId): string {
  return `${PKI_DIRECTORY}/${authority}.key`;
}

async function renewal({ files }: Inventory, item: Item, options: RenewOptions, now: Date): Promise<Renewal> {
  const { name, path, certPem = '', authority = 'ca', usedBy } = item;
  const renew = async (keyPem: string): Promise<Pair> =>
    await renewPair(authorityAt(files, authority), { path, certPem, keyPem }, options, now);
  const group = item.renewedBy === 'kubelet' ? 'kubelet' : (usedBy ?? 'client-files');
  const kubeconfig = path.endsWith('.conf') ? files.get(path) : undefined;
  if (kubeconfig !== undefined) {
    const made = await renew(credentialsFrom(kubeconfig).keyPem ?? '');
    const content = withCredentials(kubeconfig, made.certPem, made.keyPem);
    return { name, group, files: [{ path, content, mode: 0o600 }] };
  }
  if (path.endsWith('.pem')) {
    const made = await renew(certPem);
    return { name, group, files: [{ path, content: `${made.certPem}${made.keyPem}`, mode: 0o600 }] };
  }
  const key = path.replace(/\.crt$/, '.key');
  const made = await renew(files.get(key) ?? '');
  return {
    name,
    group,
    files: [
      { path: key, content: made.keyPem, mode: 0o600 },
      { path, content: made.certPem, mode: 0o644 },
    ],
  };
}

function authorityAt(files: ReadonlyMap<string, string>, id: AuthorityId): Authority {
  const path = `${PKI_DIRECTORY}/${id}.crt`;
  const certPem = files.get(path) ?? '';
  const key = readPrivateKey(keyPath(id), files.get(keyPath(id)) ?? '');
  return { path, certPem, key };
}
