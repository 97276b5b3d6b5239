import { type Document, isNode, type LineCounter, parseAllDocuments, type Scalar, visit } from 'yaml';

/** What is wrong with a text, and where: an offset into it. */
export interface YamlProblem {
  readonly offset: number;
  readonly message: string;
}

export interface YamlDocument {
  readonly document: Document;
  /** Undefined where there are problems. */
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
}

/**
 * The documents of a YAML text, the empty ones left out, as YAML 1.2 has them and with the merge keys (`<<`) of 1.1.
 * Messages do not repeat what is in the text: it may be a secret.
 * @param lineCounter is told of the lines of the text
 */
export function parseYaml(text: string, lineCounter: LineCounter): YamlDocument[] {
  const options = { lineCounter, merge: true, prettyErrors: false, logLevel: 'error' } as const;
  const documents = parseAllDocuments(text, options);
  return documents.flatMap((document) => (isEmpty(document) ? [] : [read(document)]));
}

function isEmpty({ contents, errors }: Document): boolean {
  const value = (contents as Scalar | null)?.value;
  return errors.length === 0 && (contents === null || value === null);
}

function read(document: Document): YamlDocument {
  const syntax = document.errors.map(({ pos, message }) => ({
    offset: pos[0],
    // After a colon come the characters that were found there.
    message: message.replace(/: ".*$/s, ''),
  }));
  const problems = syntax.length > 0 ? syntax : unknownAliases(document);
  if (problems.length > 0) return { document, value: undefined, problems };
  try {
    return { document, value: document.toJS({ maxAliasCount: 100 }), problems: [] };
  } catch (error) {
    // What the parser calls it when aliases of aliases would fill the memory.
    if (!(error instanceof ReferenceError)) throw error;
    const message = 'its aliases stand for too much: write out what they stand for';
    return { document, value: undefined, problems: [{ offset: startOf(document), message }] };
  }
}

function unknownAliases(document: Document): YamlProblem[] {
  const problems: YamlProblem[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const offset = alias.range?.[0] ?? startOf(document);
      problems.push({ offset, message: `there is no anchor &${alias.source} before *${alias.source}` });
    },
  });
  return problems;
}

/** Where a document begins in its text. */
export function startOf({ contents }: Document): number {
  return isNode(contents) ? (contents.range?.[0] ?? 0) : 0;
}
