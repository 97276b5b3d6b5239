import { isDeepStrictEqual } from 'node:util';

/** What JSON and YAML hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON merge patch (RFC 7386): null takes a field away, an object goes into the one that is there. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: Record<string, Json> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/**
 * JSON patch (RFC 6902): operations one after the other, all or none.
 * @throws Error that names the operation that does not apply
 */
export function jsonPatch(target: Json, patch: Json): Json {
  if (!Array.isArray(patch)) throw new Error('a JSON patch is a list of operations');
  return (patch as readonly Json[]).reduce((result, operation, index) => {
    try {
      return applyOperation(result, operation);
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`operation ${index + 1}: ${message}`);
    }
  }, target);
}

function applyOperation(target: Json, operation: Json): Json {
  if (!isObject(operation)) throw new Error('it is not an object with op and path');
  const { op, value } = operation;
  const path = pointer(operation.path, 'path');
  const from = (): string[] => pointer(operation.from, 'from');
  switch (op) {
    case 'add':
      return add(target, path, given(value));
    case 'remove':
      return remove(target, path);
    case 'replace':
      valueAt(target, path);
      return path.length === 0 ? given(value) : add(remove(target, path), path, given(value));
    case 'move':
      return add(remove(target, from()), path, valueAt(target, from()));
    case 'copy':
      return add(target, path, valueAt(target, from()));
    case 'test':
      if (isDeepStrictEqual(valueAt(target, path), given(value))) return target;
      throw new Error(`the value at ${String(operation.path)} is another one`);
    default:
      throw new Error('op is not one of add, remove, replace, move, copy, test');
  }
}

function given(value: Json | undefined): Json {
  if (value === undefined) throw new Error('it has no value');
  return value;
}

/** The steps of a JSON pointer (RFC 6901). */
function pointer(text: Json | undefined, name: string): string[] {
  if (text === '') return [];
  if (typeof text !== 'string' || !text.startsWith('/'))
    throw new Error(`${name} is not a pointer such as /spec/containers/0`);
  return text
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueAt(target: Json, path: readonly string[]): Json {
  return path.reduce<Json>((value, step) => {
    const found = Array.isArray(value)
      ? (value as readonly Json[])[indexOf(step, value.length - 1)]
      : isObject(value)
        ? value[step]
        : undefined;
    if (found === undefined) throw missing(path);
    return found;
  }, target);
}

function add(target: Json, path: readonly string[], value: Json): Json {
  return change(
    target,
    path,
    path,
    (parent, key) => {
      if (!Array.isArray(parent)) return { ...(parent as JsonObject), [key]: value };
      const list = parent as readonly Json[];
      return list.toSpliced(key === '-' ? list.length : indexOf(key, list.length), 0, value);
    },
    value,
  );
}

function remove(target: Json, path: readonly string[]): Json {
  valueAt(target, path);
  return change(
    target,
    path,
    path,
    (parent, key) => {
      if (Array.isArray(parent)) return (parent as readonly Json[]).toSpliced(Number(key), 1);
      const { [key]: _, ...rest } = parent as JsonObject;
      return rest;
    },
    null,
  );
}

/** A copy in which the parent of the value at `path` is another one. */
function change(
  target: Json,
  path: readonly string[],
  whole: readonly string[],
  act: (parent: Json, key: string) => Json,
  root: Json,
): Json {
  const [key, ...rest] = path;
  if (key === undefined) return root;
  if (typeof target !== 'object' || target === null) throw missing(whole);
  if (rest.length === 0) return act(target, key);
  const child = change(valueAt(target, [key]), rest, whole, act, root);
  if (Array.isArray(target)) return (target as readonly Json[]).with(Number(key), child);
  return { ...(target as JsonObject), [key]: child };
}

function indexOf(step: string, last: number): number {
  const index = /^(0|[1-9]\d*)$/.test(step) ? Number(step) : -1;
  if (index < 0 || index > last) throw new Error(`the list has no place ${step}`);
  return index;
}

function missing(path: readonly string[]): Error {
  return new Error(`there is nothing at /${path.join('/')}`);
}
