import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { type DocumentKind, documentSchemas } from './schema.ts';
import { fieldNames } from './schema-fields.ts';

/** From a document to a field in it. */
export type Path = readonly (string | number)[];

interface Explanation {
  readonly path: Path;
  readonly message: string;
}

/** What is wrong, field by field, with the name that was probably meant. Never the value: it may be a secret. */
export function explain(issue: z.core.$ZodIssue, kind: DocumentKind, document: unknown): Explanation[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    const known = fieldNames(documentSchemas[kind], path);
    return issue.keys.map((key) => {
      const at = [...path, key];
      return { path: at, message: movedField(kind, at) ?? unknownField(key, known) };
    });
  }
  const value = valueAt(document, path);
  if (path.length === 1 && path[0] === 'apiVersion')
    return [{ path, message: wrongVersion(value, issue.message) }];
  if (issue.code === 'invalid_value') {
    const close = typeof value === 'string' ? nearest(value, issue.values.map(String)) : undefined;
    if (close !== undefined) return [{ path, message: `${issue.message}; did you mean ${close}?` }];
  }
  return [{ path, message: issue.message }];
}

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (value as Record<string, unknown> | undefined)?.[step],
    document,
  );
}

/** What older forms of kubeadm's documents had elsewhere, or people look for there. */
const MOVED: Readonly<Record<string, string>> = {
  'ClusterConfiguration.apiServer.timeoutForControlPlane':
    'InitConfiguration.timeouts.controlPlaneComponentHealthCheck',
  'InitConfiguration.ignorePreflightErrors': 'nodeRegistration.ignorePreflightErrors',
  'JoinConfiguration.discovery.timeout': 'timeouts.discovery',
  'JoinConfiguration.ignorePreflightErrors': 'nodeRegistration.ignorePreflightErrors',
};

function movedField(kind: DocumentKind, path: Path): string | undefined {
  const place = MOVED[[kind, ...path].join('.')];
  return place === undefined ? undefined : `there is no such field; it is called ${place}`;
}

function unknownField(key: string, known: readonly string[]): string {
  const close = nearest(key, known);
  if (close !== undefined) return `there is no such field; did you mean ${close}?`;
  const some = known.length > 0 && known.length <= 12 ? `; there are ${known.join(', ')}` : '';
  return `there is no such field${some}`;
}

const MIGRATED = /^kubeadm\.k8s\.io\/v1beta3$/;
const OLDER = /^kubeadm\.k8s\.io\/v1(alpha\d|beta[12])$/;

function wrongVersion(version: unknown, message: string): string {
  if (typeof version !== 'string') return message;
  if (MIGRATED.test(version))
    return 'is an older form: kadm config migrate --old-config FILE --new-config NEW-FILE makes a new one of it';
  if (OLDER.test(version))
    return 'is older than v1beta3: an older kubeadm (1.22 to 1.26) makes that of it, and kadm config migrate a new one of that';
  return message;
}

/** What is said of a document that is none of ours. */
export function unknownKind(value: unknown): string {
  const kinds = Object.keys(documentSchemas);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'is not a document with apiVersion and kind';
  const kind = 'kind' in value ? value.kind : undefined;
  if (kind === undefined) return `kind is missing; kinds are ${kinds.join(', ')}`;
  if (kind === 'UpgradeConfiguration')
    return 'kadm does not act on an UpgradeConfiguration: it does not upgrade yet';
  const close = typeof kind === 'string' ? nearest(kind, kinds) : undefined;
  const hint = close === undefined ? '' : `; did you mean ${close}?`;
  return `kind is not one of ${kinds.join(', ')}${hint}`;
}
