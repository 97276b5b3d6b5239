/** What a tool made of a host: each thing by its name, with its content as plain data. */
export type Master = Readonly<Record<string, unknown>>;

/** One field in which two masters differ. */
export interface Difference {
  /** Such as `static pod etcd` or `ConfigMap kube-system/kubeadm-config`. */
  readonly thing: string;
  /** Path of the field with dots; empty for the thing as a whole. */
  readonly field: string;
  /** Undefined where it is not there. */
  readonly kadm: string | undefined;
  readonly kubeadm: string | undefined;
}

/** What stands for a whole thing of which the other side has nothing. */
export const THERE = 'there';

/** All differences, things and fields in alphabetical order. */
export function differencesOf(kadm: Master, kubeadm: Master): Difference[] {
  return union(kadm, kubeadm).flatMap((thing) => {
    if (!(thing in kadm)) return [{ thing, field: '', kadm: undefined, kubeadm: THERE }];
    if (!(thing in kubeadm)) return [{ thing, field: '', kadm: THERE, kubeadm: undefined }];
    const [ours, theirs] = [leaves(kadm[thing]), leaves(kubeadm[thing])];
    return union(ours, theirs)
      .filter((field) => ours[field] !== theirs[field])
      .map((field) => ({ thing, field, kadm: ours[field], kubeadm: theirs[field] }));
  });
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

/** Each scalar of a value by its path. Lists of things with names are read as maps: their order says nothing. */
export function leaves(value: unknown, path: readonly string[] = []): Record<string, string> {
  if (Array.isArray(value)) return leavesOfList(value, path);
  if (typeof value !== 'object' || value === null) return { [path.join('.')]: String(value) };
  return Object.assign({}, ...Object.entries(value).map(([key, one]) => leaves(one, [...path, key])));
}

function leavesOfList(list: readonly unknown[], path: readonly string[]): Record<string, string> {
  const names = list.map(nameOf);
  if (list.length > 0 && names.every((name) => name !== undefined) && new Set(names).size === list.length) {
    return Object.assign(
      {},
      ...list.map((one, index) => leaves(withoutName(one), [...path, names[index] ?? ''])),
      ...names.map((name) => ({ [[...path, name].join('.')]: THERE })),
    );
  }
  return { [path.join('.')]: JSON.stringify(list) };
}

function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('name' in value)) return undefined;
  return typeof value.name === 'string' ? value.name : undefined;
}

function withoutName(value: unknown): unknown {
  const { name: _, ...rest } = value as Record<string, unknown>;
  return rest;
}
