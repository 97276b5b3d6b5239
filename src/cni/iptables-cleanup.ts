/** Chains of kube-proxy, of the kubelet, of the CNI plugins and of our own, by the start of their names. */
export const CLUSTER_CHAINS: readonly string[] = ['KUBE-', 'CNI-', 'KADM-'];
/** Of our own alone. */
export const OWN_CHAINS: readonly string[] = ['KADM-'];

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
export function iptablesCleanup(save: string, prefixes: readonly string[] = CLUSTER_CHAINS): string {
  const isOurs = (chain: string): boolean => prefixes.some((prefix) => chain.startsWith(prefix));
  return tablesOf(save)
    .map((table) => cleanupOf(table, isOurs))
    .join('');
}

function cleanupOf({ name, chains, rules }: SavedTable, isOurs: (chain: string) => boolean): string {
  const ours = chains.filter(isOurs);
  const jumps = rules.filter((rule) => leadsInto(rule, isOurs));
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

/** Whether a rule of somebody else's chain jumps, or goes, to one of these. */
function leadsInto(rule: string, isOurs: (chain: string) => boolean): boolean {
  const words = wordsOf(rule);
  const at = words.findIndex((word) => word === '-j' || word === '-g');
  return !isOurs(words[1] ?? '') && at !== -1 && isOurs(words[at + 1] ?? '');
}

/** Words as iptables-restore reads them: what stands in quotes is one, whatever is in it. */
function wordsOf(rule: string): string[] {
  return rule.match(/"(?:\\.|[^"\\])*"|[^\s"]+/g) ?? [];
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
