/** Rows of cells, each column as wide as its widest cell. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(width(index)))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}
