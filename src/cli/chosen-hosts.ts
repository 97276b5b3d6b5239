import { hostEntries } from '../config/hosts.ts';
import { EXIT, UserError } from '../errors.ts';
import { type ClusterNode, clusterNodes } from '../fleet/nodes.ts';
import { parseJumps, parseTarget, type SshTarget, type TargetContext } from '../ssh/target.ts';
import { adminAccess } from './cluster-access.ts';
import { targetOf } from './fleet-hosts.ts';
import { loadDocuments } from './options.ts';
import { targetContext } from './ssh-options.ts';

/** A host that can be named on the command line. */
export interface KnownHost {
  readonly names: readonly string[];
  readonly role: 'control-plane' | 'worker';
  readonly target: SshTarget;
}

/**
 * The hosts of a file; without one, the nodes of the cluster of this master.
 * @throws UserError (usage) when there are none
 */
export async function knownHosts(file: string | undefined): Promise<KnownHost[]> {
  const context = await targetContext();
  const entries = hostEntries(await loadDocuments(file));
  if (entries.length > 0) {
    return entries.map((entry) => ({
      names: [entry.address, ...(entry.nodeName === undefined ? [] : [entry.nodeName])],
      role: entry.role ?? 'worker',
      target: targetOf(entry, context),
    }));
  }
  const access = file === undefined ? await adminAccess() : undefined;
  if (access === undefined) {
    throw new UserError('there are no hosts to choose from', {
      remedy: 'name a file with Cluster.spec.hosts (-f cluster.yaml), or run this on a master',
      exitCode: EXIT.usage,
    });
  }
  try {
    return (await clusterNodes(access.client)).map((node) => ({
      names: [node.name, ...node.addresses],
      role: node.master ? 'control-plane' : 'worker',
      target: targetOfNode(node, context),
    }));
  } finally {
    access.client.close();
  }
}

/** How a node is reached: as when it joined, else by its address. */
export function targetOfNode(node: ClusterNode, context: TargetContext): SshTarget {
  const { name, addresses, ssh, bastion } = node;
  const jumps = bastion === undefined ? {} : { jumps: parseJumps(bastion, context) };
  return { ...parseTarget(ssh ?? addresses[0] ?? name, context), name, ...jumps };
}

/** @param which workers, masters, all, or names separated by commas @throws UserError (usage) */
export function chosen(hosts: readonly KnownHost[], which: string): KnownHost[] {
  const byRole = { workers: 'worker', masters: 'control-plane' } as const;
  const found = which
    .split(',')
    .filter((word) => word !== '')
    .flatMap((word) => {
      if (word === 'all') return hosts;
      if (word === 'workers' || word === 'masters') return hosts.filter(({ role }) => role === byRole[word]);
      const named = hosts.filter(({ names }) => names.includes(word));
      if (named.length > 0) return named;
      throw new UserError(`--hosts ${word}: there is no such host`, {
        remedy: `hosts are ${hosts.map(({ names }) => names[0]).join(', ')}; or workers, masters, all`,
        exitCode: EXIT.usage,
      });
    });
  if (found.length > 0) return [...new Set(found)];
  throw new UserError(`--hosts ${which}: there are none`, {
    remedy: `hosts are ${hosts.map(({ names }) => names[0]).join(', ')}`,
    exitCode: EXIT.usage,
  });
}
