import type { z } from 'zod';

/** What a value has to be, as people write it. */
const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of fields',
  record: 'a mapping',
};

/**
 * What is wrong with a value, in words that go after the name of its field. For zod, as the `error` of a call: messages of
 * the schemas themselves win over it. The value is never repeated: it may be a secret.
 */
export function plainWords(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, issue.input);
    case 'invalid_value':
      return isNotOneOf(issue.values.map(String));
    case 'invalid_union':
      return isNotOneOf(namesOf(issue.options));
    case 'too_small':
      return issue.origin === 'number' ? `is smaller than ${issue.minimum}` : 'is empty';
    case 'too_big':
      return issue.origin === 'number'
        ? `is larger than ${issue.maximum}`
        : `is longer than ${issue.maximum}${issue.origin === 'string' ? ' characters' : ' entries'}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'is not a name that can be here';
    default:
      return 'is not of the right form';
  }
}

/** Of a union whose members differ in one field: the values of that field. */
function namesOf(options: unknown): string[] {
  return Array.isArray(options) ? options.map(String) : [];
}

function isNotOneOf(values: readonly string[]): string {
  const names = values.filter((value) => value !== '');
  return names.length === 1 ? `is not ${names[0]}` : `is not one of ${names.join(', ')}`;
}

function wrongType(expected: string, input: unknown): string {
  const wanted = EXPECTED[expected] ?? `a ${expected}`;
  if (Number.isNaN(input)) return `is not ${wanted}`;
  const found = kindOf(input);
  if (expected === 'string' && typeof input !== 'object') return `is ${found}: write it in quotes`;
  if (typeof input === 'number') return `is not ${wanted}`;
  return `is ${found}, and has to be ${wanted}`;
}

function kindOf(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a mapping';
  if (typeof input === 'boolean') return 'true or false';
  return typeof input === 'number' ? 'a number' : 'a text';
}
