import { type Document, isMap, isNode, isScalar, LineCounter } from 'yaml';
import { EXIT, UserError } from '../errors.ts';
import { explain, type Path, unknownKind } from './explain.ts';
import { parseYaml, startOf } from './parse-yaml.ts';
import { type DocumentKind, type Documents, documentSchemas } from './schema.ts';
import { plainWords } from './wording.ts';

/** Where a configuration that was named by nobody is looked for. */
export const DEFAULT_CONFIG_FILE = '/etc/kadm/config.yaml';

/** YAML's mark for the end of a document: after it comes what was not known at the start. */
export const END_OF_FIRST_PART = '...';

const MAX_BYTES = 4 * 1024 * 1024;

/** A configuration, and where in its text each field is. */
export interface Configuration {
  readonly documents: Documents;
  /** file:line of a field, or of a whole document; undefined where it is not given. */
  where(kind: DocumentKind, ...path: Path): string | undefined;
}

/** A configuration of no text. */
export const NO_CONFIGURATION: Configuration = { documents: {}, where: () => undefined };

/**
 * Parses a configuration: YAML documents, each of a kind that kadm knows, each kind at most once.
 * @param name what to call the text in errors, such as its file
 * @throws UserError (usage) listing every problem with its line; values are not echoed.
 */
export function parseDocuments(text: string, name: string): Documents {
  return parseConfiguration(text, name).documents;
}

/** The same, and where its fields are. @throws UserError (usage), as parseDocuments */
export function parseConfiguration(text: string, name: string): Configuration {
  const { problems, ...configuration } = checkConfiguration(text, name);
  if (problems.length > 0) throw notValid(problems);
  return configuration;
}

/** The same without an end at the first problem: all problems, in the order of their lines, and the documents that have none. */
export function checkConfiguration(
  text: string,
  name: string,
): Configuration & { readonly problems: readonly string[] } {
  if (text.length > MAX_BYTES)
    return { ...NO_CONFIGURATION, problems: [`${name}: larger than ${MAX_BYTES} bytes`] };
  const lines = new LineCounter();
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const found: Partial<Record<DocumentKind, unknown>> = {};
  const sources = new Map<DocumentKind, Document>();
  const problems: { readonly line: number; readonly message: string }[] = [];
  for (const { document, value: written, problems: ofYaml } of parseYaml(text, lines)) {
    problems.push(...ofYaml.map(({ offset, message }) => ({ line: lineAt(offset), message })));
    if (ofYaml.length > 0) continue;
    const start = startOf(document);
    const value = withoutNulls(written);
    const kind = kindOf(value);
    if (kind === undefined) {
      problems.push({ line: lineAt(start), message: unknownKind(value) });
      continue;
    }
    if (sources.has(kind)) problems.push({ line: lineAt(start), message: `a second ${kind}` });
    sources.set(kind, document);
    const result = documentSchemas[kind].safeParse(value, { error: plainWords });
    if (result.success) found[kind] = result.data;
    for (const issue of result.error?.issues ?? []) {
      problems.push(
        ...explain(issue, kind, value).map(({ path, message }) => ({
          line: lineAt(positionOf(document, path, start)),
          message: `${nameOf(kind, path)}: ${message}`,
        })),
      );
    }
  }
  const where: Configuration['where'] = (kind, ...path) => {
    const node: unknown = sources.get(kind)?.getIn(path, true);
    return isNode(node) && node.range ? `${name}:${lineAt(node.range[0])}` : undefined;
  };
  const sorted = problems.sort((a, b) => a.line - b.line);
  return {
    documents: found as Documents,
    where,
    problems: sorted.map(({ line, message }) => `${name}:${line}: ${message}`),
  };
}

/** The error that lists problems, for the caller to throw. */
export function notValid(problems: readonly string[]): UserError {
  return new UserError(`the configuration is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`, {
    remedy: 'docs/configuration.md describes the documents and their fields',
    exitCode: EXIT.usage,
  });
}

/** Kind.list[0].field, as kubectl writes it. */
export function nameOf(kind: string, path: Path): string {
  return path.reduce<string>(
    (name, part) => (typeof part === 'number' ? `${name}[${part}]` : `${name}.${part}`),
    kind,
  );
}

/** The start of the field, by its name where it has one, or of the nearest one on the way to it. */
function positionOf(document: Document, path: Path, start: number): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    const key = isMap(parent)
      ? parent.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(last))?.key
      : undefined;
    const node: unknown = isScalar(key) ? key : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return start;
}

function kindOf(value: unknown): DocumentKind | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
  return typeof value.kind === 'string' && Object.hasOwn(documentSchemas, value.kind)
    ? (value.kind as DocumentKind)
    : undefined;
}

/** A field without a value is one that is not given, as for kubeadm, which itself writes `taints: null`. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== null)
      .map(([key, one]) => [key, withoutNulls(one)]),
  );
}
