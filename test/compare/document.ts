import { type Difference, THERE } from './differences.ts';

/** A row of the tables in docs/kubeadm-differences.md: it stands for one difference, or for several of the same kind. */
export interface Row {
  readonly thing: string;
  readonly field: string;
  readonly kadm: string;
  readonly kubeadm: string;
  readonly reason: string;
}

/** Stands for a value that is not there. */
const ABSENT = '—';
/** Stands for whatever the value is. */
const ANY = '…';

/** The rows of all tables whose head begins with `what`. */
export function rowsOf(markdown: string): Row[] {
  const lines = markdown.split('\n');
  const rows: Row[] = [];
  let inTable = false;
  for (const line of lines) {
    if (!line.startsWith('|')) inTable = false;
    else if (/^\| what +\| field /.test(line)) inTable = true;
    else if (inTable && !/^\| ?-/.test(line)) rows.push(rowOf(line));
  }
  return rows;
}

function rowOf(line: string): Row {
  const cells = line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', '').replaceAll('\\|', '|'));
  const [thing, field, kadm, kubeadm, reason] = cells;
  if (cells.length !== 5 || !thing || !kadm || !kubeadm || !reason)
    throw new Error(`not a row of five cells: ${line}`);
  return { thing, field: field ?? '', kadm, kubeadm, reason };
}

/** How a difference is written in a row. */
export function rowFor({ thing, field, kadm, kubeadm }: Difference): Omit<Row, 'reason'> {
  return { thing, field, kadm: valueText(kadm), kubeadm: valueText(kubeadm) };
}

function valueText(value: string | undefined): string {
  return value === undefined ? ABSENT : value.replaceAll('\n', ' ');
}

/** Whether a row stands for a difference; `*` in what and field stands for any part of a name. */
export function standsFor(row: Row, difference: Difference): boolean {
  const { thing, field, kadm, kubeadm } = rowFor(difference);
  const sameValue = (written: string, value: string): boolean =>
    written === value || (written === ANY && value !== ABSENT && value !== THERE);
  return (
    matches(row.thing, thing) &&
    matches(row.field, field) &&
    sameValue(row.kadm, kadm) &&
    sameValue(row.kubeadm, kubeadm)
  );
}

function matches(pattern: string, text: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('[^./ ]*')}$`).test(text);
}

/** What is amiss with the document: differences that no row stands for, and rows that stand for none. */
export function untrue(rows: readonly Row[], differences: readonly Difference[]): string[] {
  const missing = differences.filter((difference) => !rows.some((row) => standsFor(row, difference)));
  const idle = rows.filter((row) => !differences.some((difference) => standsFor(row, difference)));
  return [
    ...missing.map((difference) => `not in the document: ${text(rowFor(difference))}`),
    ...idle.map((row) => `in the document, and not so: ${text(row)}`),
  ];
}

function text({ thing, field, kadm, kubeadm }: Omit<Row, 'reason'>): string {
  return [thing, field, kadm, kubeadm].join(' | ');
}
