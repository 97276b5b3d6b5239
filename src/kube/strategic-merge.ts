import { isDeepStrictEqual } from 'node:util';
import { isObject, type Json, type JsonObject } from './json-patch.ts';

/**
 * The lists of pods, deployments and their metadata that are merged, by the field by which their entries are
 * told apart (patchMergeKey in the types of k8s.io/api); all other lists are replaced.
 */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  ports: 'containerPort',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  imagePullSecrets: 'name',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  schedulingGates: 'name',
  resourceClaims: 'name',
  conditions: 'type',
  ownerReferences: 'uid',
};
/** Lists of single values that are merged. */
const SETS: readonly string[] = ['finalizers'];

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_VALUES = '$deleteFromPrimitiveList/';
const ORDER = '$setElementOrder/';

/**
 * Strategic merge patch, as kubectl and kubeadm apply it.
 * @param lists `kubernetes` for objects of pods and deployments; `replaced` where no list is merged, as in
 *   KubeletConfiguration
 * @throws Error saying what in the patch cannot be applied
 */
export function strategicMerge(
  target: JsonObject,
  patch: Json,
  lists: 'kubernetes' | 'replaced',
): JsonObject {
  if (!isObject(patch)) throw new Error('a strategic merge patch is an object');
  const { [DIRECTIVE]: directive, ...fields } = patch;
  if (directive === 'replace') return fields;
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw unknownDirective();
  return mergeFields(target, fields, lists);
}

function mergeFields(target: JsonObject, patch: JsonObject, lists: 'kubernetes' | 'replaced'): JsonObject {
  const result: Record<string, Json> = retained(target, patch[RETAIN_KEYS]);
  for (const [key, value] of Object.entries(patch)) {
    if (key === RETAIN_KEYS) continue;
    if (key.startsWith(DELETE_VALUES)) deleteValues(result, key.slice(DELETE_VALUES.length), value);
    else if (key.startsWith(ORDER)) continue;
    else if (value === null) delete result[key];
    else result[key] = mergeValue(key, result[key], value, lists);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(ORDER)) setOrder(result, key.slice(ORDER.length), value);
  }
  return result;
}

function mergeValue(
  key: string,
  present: Json | undefined,
  value: Json,
  lists: 'kubernetes' | 'replaced',
): Json {
  if (isObject(value)) return strategicMerge(isObject(present) ? present : {}, value, lists);
  if (!Array.isArray(value) || lists === 'replaced') return value;
  const list = value as readonly Json[];
  const old = Array.isArray(present) ? (present as readonly Json[]) : [];
  if (SETS.includes(key)) return [...old, ...list.filter((one) => !old.includes(one))];
  const mergeKey = MERGE_KEYS[key];
  return mergeKey === undefined ? list : mergeList(old, list, mergeKey);
}

function mergeList(old: readonly Json[], patch: readonly Json[], mergeKey: string): Json[] {
  if (patch.some((entry) => isObject(entry) && entry[DIRECTIVE] === 'replace' && !(mergeKey in entry)))
    return patch.filter((entry) => !(isObject(entry) && DIRECTIVE in entry));
  const result = [...old];
  for (const entry of patch) mergeEntry(result, entry, mergeKey);
  return result;
}

function mergeEntry(list: Json[], entry: Json, mergeKey: string): void {
  if (!isObject(entry) || entry[mergeKey] === undefined)
    throw new Error(`each entry of a list that is merged by ${mergeKey} has to name its ${mergeKey}`);
  const place = list.findIndex((one) => isObject(one) && isDeepStrictEqual(one[mergeKey], entry[mergeKey]));
  const { [DIRECTIVE]: directive, ...fields } = entry;
  if (directive === 'delete') {
    if (place >= 0) list.splice(place, 1);
    return;
  }
  const present = place < 0 ? {} : (list[place] as JsonObject);
  const merged = directive === 'replace' ? fields : strategicMerge(present, entry, 'kubernetes');
  if (place < 0) list.push(merged);
  else list[place] = merged;
}

function retained(target: JsonObject, keys: Json | undefined): Record<string, Json> {
  if (keys === undefined) return { ...target };
  if (!Array.isArray(keys)) throw new Error(`${RETAIN_KEYS} is not a list`);
  return Object.fromEntries(Object.entries(target).filter(([key]) => keys.includes(key)));
}

function deleteValues(result: Record<string, Json>, key: string, values: Json): void {
  const present = result[key];
  if (!Array.isArray(values)) throw new Error(`${DELETE_VALUES}${key} is not a list`);
  if (Array.isArray(present))
    result[key] = (present as readonly Json[]).filter((one) => !values.includes(one));
}

/** Puts the entries that the patch orders into its order, the others behind them. */
function setOrder(result: Record<string, Json>, key: string, order: Json): void {
  const present = result[key];
  if (!Array.isArray(order)) throw new Error(`${ORDER}${key} is not a list`);
  if (!Array.isArray(present)) return;
  const mergeKey = MERGE_KEYS[key];
  const identity = (one: Json): Json | undefined =>
    mergeKey !== undefined && isObject(one) ? one[mergeKey] : one;
  const rank = (one: Json): number => {
    const place = order.findIndex((wanted) => isDeepStrictEqual(identity(wanted), identity(one)));
    return place < 0 ? order.length : place;
  };
  result[key] = [...(present as readonly Json[])].sort((a, b) => rank(a) - rank(b));
}

function unknownDirective(): Error {
  return new Error(`${DIRECTIVE} is not one of replace, merge, delete`);
}
