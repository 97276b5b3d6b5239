import { type Document, isMap, isNode, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import type { z } from 'zod';
import { EXIT, UserError } from '../errors.ts';
import { nearest } from './nearest.ts';
import { type DocumentKind, type Documents, documentSchemas } from './schema.ts';
import { fieldNames } from './schema-fields.ts';

/** Where a configuration that was named by nobody is looked for. */
export const DEFAULT_CONFIG_FILE = '/etc/kadm/config.yaml';

/** YAML's mark for the end of a document: after it comes what was not known at the start. */
export const END_OF_FIRST_PART = '...';

const MAX_BYTES = 4 * 1024 * 1024;

type Path = readonly (string | number)[];

/** A configuration, and where in its text each field is. */
export interface Configuration {
  readonly documents: Documents;
  /** file:line of a field; undefined where it is not given. */
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

/** The same without an end at the first problem: all problems, one a line, and the documents that have none. */
export function checkConfiguration(
  text: string,
  name: string,
): Configuration & { readonly problems: readonly string[] } {
  if (text.length > MAX_BYTES)
    return { ...NO_CONFIGURATION, problems: [`${name}: larger than ${MAX_BYTES} bytes`] };
  const lines = new LineCounter();
  const at = (offset: number): string => `${name}:${lines.linePos(offset).line}`;
  const found: Partial<Record<DocumentKind, unknown>> = {};
  const sources = new Map<DocumentKind, Document>();
  const problems: string[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: lines })) {
    problems.push(...document.errors.map((error) => `${at(error.pos[0])}: ${error.message.split('\n')[0]}`));
    if (document.errors.length > 0 || !isNode(document.contents)) continue;
    const start = document.contents.range?.[0] ?? 0;
    const value = withoutNulls(document.toJS({ maxAliasCount: 100 }));
    const kind = kindOf(value);
    if (kind === undefined) {
      problems.push(`${at(start)}: ${unknownKind(value)}`);
      continue;
    }
    if (sources.has(kind)) problems.push(`${at(start)}: a second ${kind}`);
    sources.set(kind, document);
    const result = documentSchemas[kind].safeParse(value);
    if (result.success) found[kind] = result.data;
    problems.push(
      ...(result.error?.issues ?? []).flatMap((issue) =>
        explain(issue, kind, document).map(
          ({ path, message }) =>
            `${at(positionOf(document, path, start))}: ${nameOf(kind, path)}: ${message}`,
        ),
      ),
    );
  }
  const where: Configuration['where'] = (kind, ...path) => {
    const node: unknown = sources.get(kind)?.getIn(path, true);
    return isNode(node) && node.range ? at(node.range[0]) : undefined;
  };
  return { documents: found as Documents, where, problems };
}

/** The error that lists problems, for the caller to throw. */
export function notValid(problems: readonly string[]): UserError {
  return new UserError(`the configuration is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`, {
    remedy: 'docs/configuration.md describes the documents and their fields',
    exitCode: EXIT.usage,
  });
}

interface Explanation {
  readonly path: Path;
  readonly message: string;
}

/** What is wrong, field by field, with the name that was probably meant. Never the value: it may be a secret. */
function explain(issue: z.core.$ZodIssue, kind: DocumentKind, document: Document): Explanation[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    const known = fieldNames(documentSchemas[kind], path);
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownField(key, known) }));
  }
  if (path.length === 1 && path[0] === 'apiVersion')
    return [{ path, message: wrongVersion(issue, document) }];
  if (issue.code === 'invalid_value') {
    const value = document.getIn(path);
    const close = typeof value === 'string' ? nearest(value, issue.values.map(String)) : undefined;
    if (close !== undefined) return [{ path, message: `${issue.message}; did you mean ${close}?` }];
  }
  return [{ path, message: issue.message }];
}

function unknownField(key: string, known: readonly string[]): string {
  const close = nearest(key, known);
  if (close !== undefined) return `there is no such field; did you mean ${close}?`;
  const some = known.length <= 12 ? `; there are ${known.join(', ')}` : '';
  return `there is no such field${some}`;
}

const OLDER = /^kubeadm\.k8s\.io\/v1(alpha|beta)[123]$/;

function wrongVersion(issue: z.core.$ZodIssue, document: Document): string {
  const version = document.get('apiVersion');
  if (typeof version === 'string' && OLDER.test(version))
    return 'is an older form: kadm config migrate --old-config FILE --new-config NEW-FILE makes a new one of it';
  return issue.message;
}

function unknownKind(value: unknown): string {
  const kinds = Object.keys(documentSchemas);
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  const close = typeof kind === 'string' ? nearest(kind, kinds) : undefined;
  const hint = close === undefined ? '' : `; did you mean ${close}?`;
  return `kind is not one of ${kinds.join(', ')}${hint}`;
}

/** Kind.list[0].field, as kubectl writes it. */
function nameOf(kind: string, path: Path): string {
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
