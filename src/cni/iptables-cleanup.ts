/** Chains of kube-proxy, of the kubelet, of the CNI plugins and of our own, by the start of their names. */
const CLUSTER_CHAINS = ['KUBE-', 'CNI-', 'KADM-'] as const;

interface SavedTable {
  readonly name: string;
  readonly chains: readonly string[];
  /** Lines that begin with -A. */
  readonly rules: readonly string[];
}

/**
 * From the output of iptables-save, the input of `iptables-restore --noflush` that removes the cluster's
 * chains and the rules that lead to them, and touches nothing else. Empty when there is nothing to remove.
 */
export function iptablesCleanup(save: string): string {
  return tablesOf(save).map(cleanupOf).join('');
}

function cleanupOf({ name, chains, rules }: SavedTable): string {
  const ours = chains.filter(isCluster);
  const jumps = rules.filter((rule) => leadsIntoCluster(rule));
  if (ours.length + jumps.length === 0) return '';
  const lines = [
    `*${name}`,
    ...jumps.map((rule) => rule.replace(/^-A/, '-D')),
    // A chain must be empty, and nothing may lead to it, before it can be deleted.
    ...ours.map((chain) => `-F ${chain}`),
    ...ours.map((chain) => `-X ${chain}`),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

/** Whether a rule of somebody else's chain jumps, or goes, to one of the cluster's. */
function leadsIntoCluster(rule: string): boolean {
  const words = wordsOf(rule);
  const at = words.findIndex((word) => word === '-j' || word === '-g');
  return !isCluster(words[1] ?? '') && at !== -1 && isCluster(words[at + 1] ?? '');
}

/** Words as iptables-restore reads them: what stands in quotes is one, whatever is in it. */
function wordsOf(rule: string): string[] {
  return rule.match(/"(?:\\.|[^"\\])*"|[^\s"]+/g) ?? [];
}

function isCluster(chain: string): boolean {
  return CLUSTER_CHAINS.some((prefix) => chain.startsWith(prefix));
}

function tablesOf(save: string): SavedTable[] {
  const tables: { name: string; chains: string[]; rules: string[] }[] = [];
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) tables.push({ name: line.slice(1), chains: [], rules: [] });
    else if (line.startsWith(':')) tables.at(-1)?.chains.push(line.slice(1).split(' ')[0] ?? '');
    else if (line.startsWith('-A ')) tables.at(-1)?.rules.push(line);
  }
  return tables;
}
