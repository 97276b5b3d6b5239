/** One thing of a command of kubeadm's that docs/kubeadm-differences.md says kadm has not. */
export interface LackingRow {
  readonly command: string;
  readonly name: string;
}

/** The rows of the table `command | WHAT | why`, their cells taken apart; `every` stands for all commands. */
export function lackingRows(markdown: string, what: 'flag' | 'phase'): LackingRow[] {
  const [, table = ''] = markdown.split(new RegExp(`^\\| command +\\| ${what} +\\| why.*$`, 'm'));
  const rows = table.trimStart().split('\n').slice(1);
  const end = rows.findIndex((row) => !row.startsWith('|'));
  return rows.slice(0, end).flatMap((row) => {
    const [commands = [], names = []] = row
      .split('|')
      .slice(1, 3)
      .map((cell) => [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, name]) => name ?? []));
    return commands.flatMap((command) => names.map((name) => ({ command, name })));
  });
}

/**
 * What is amiss with such a table: what kadm lacks and the table has not, and rows for what kadm has, or kubeadm has not.
 * @param lacking what kadm lacks, by command
 */
export function untrueLacking(
  rows: readonly LackingRow[],
  lacking: ReadonlyMap<string, readonly string[]>,
): string[] {
  const idle = new Set(rows);
  const missing: string[] = [];
  for (const [command, names] of lacking) {
    for (const name of names) {
      const found = rows.filter(
        (row) => row.name === name && (row.command === command || row.command === 'every'),
      );
      if (found.length === 0) missing.push(`not in the document: ${command} ${name}`);
      for (const row of found) idle.delete(row);
    }
  }
  return [
    ...missing,
    ...[...idle].map(({ command, name }) => `in the document, and not so: ${command} ${name}`),
  ];
}
