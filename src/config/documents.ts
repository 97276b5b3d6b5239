import { LineCounter, parseAllDocuments } from 'yaml';
import { EXIT, UserError } from '../errors.ts';
import { type DocumentKind, type Documents, documentSchemas } from './schema.ts';

/** Where a configuration that was named by nobody is looked for. */
export const DEFAULT_CONFIG_FILE = '/etc/kadm/config.yaml';

/** YAML's mark for the end of a document: after it comes what was not known at the start. */
export const END_OF_FIRST_PART = '...';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Parses a configuration: YAML documents, each of a kind that kadm knows, each kind at most once.
 * @param name what to call the text in errors, such as its file
 * @throws UserError (usage) listing every problem with its line; values are not echoed.
 */
export function parseDocuments(text: string, name: string): Documents {
  if (text.length > MAX_BYTES) throw invalid([`${name}: larger than ${MAX_BYTES} bytes`]);
  const lines = new LineCounter();
  const found: Partial<Record<DocumentKind, unknown>> = {};
  const problems: string[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: lines })) {
    const line = (offset: number): number => lines.linePos(offset).line;
    problems.push(
      ...document.errors.map((error) => `${name}:${line(error.pos[0])}: ${error.message.split('\n')[0]}`),
    );
    if (document.errors.length > 0 || document.contents === null) continue;
    const start = document.contents.range[0];
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    const kind = kindOf(value);
    if (kind === undefined) {
      problems.push(`${name}:${line(start)}: kind is not one of ${Object.keys(documentSchemas).join(', ')}`);
      continue;
    }
    if (kind in found) problems.push(`${name}:${line(start)}: a second ${kind}`);
    const result = documentSchemas[kind].safeParse(value);
    if (result.success) found[kind] = result.data;
    for (const issue of result.error?.issues ?? []) {
      const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
      problems.push(
        `${name}:${line(positionOf(document, path, start))}: ${kind}.${path.join('.')}: ${issue.message}`,
      );
    }
  }
  if (problems.length > 0) throw invalid(problems);
  return found as Documents;
}

/** The start of the nearest node on the way to `path` that is there. */
function positionOf(
  document: ReturnType<typeof parseAllDocuments>[number],
  path: readonly (string | number)[],
  start: number,
): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      return Number(node.range[0]);
    }
  }
  return start;
}

function kindOf(value: unknown): DocumentKind | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
  return typeof value.kind === 'string' && value.kind in documentSchemas
    ? (value.kind as DocumentKind)
    : undefined;
}

function invalid(problems: readonly string[]): UserError {
  return new UserError(`the configuration is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`, {
    remedy: 'docs/configuration.md describes the documents and their fields',
    exitCode: EXIT.usage,
  });
}
