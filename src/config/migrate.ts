import {
  Document,
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  parseAllDocuments,
  Scalar,
  YAMLMap,
  YAMLSeq,
} from 'yaml';
import { EXIT, UserError } from '../errors.ts';
import { parseYaml } from './parse-yaml.ts';

const OLD = 'kubeadm.k8s.io/v1beta3';
const NEW = 'kubeadm.k8s.io/v1beta4';

/** Where v1beta3 has a map of arguments, and v1beta4 a list of them. */
const ARGUMENTS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  InitConfiguration: [['nodeRegistration', 'kubeletExtraArgs']],
  JoinConfiguration: [['nodeRegistration', 'kubeletExtraArgs']],
  ClusterConfiguration: [
    ['apiServer', 'extraArgs'],
    ['controllerManager', 'extraArgs'],
    ['scheduler', 'extraArgs'],
    ['etcd', 'local', 'extraArgs'],
  ],
};

const CONTROL_PLANE_TIMEOUT = ['apiServer', 'timeoutForControlPlane'] as const;

/**
 * A configuration in which kubeadm's documents of v1beta3 are of v1beta4, by the rules of kubeadm's own conversion;
 * all others, and comments, stay as they are. kubeadm also writes every default out; here what was left out stays
 * so. A file that is new already comes back as it is.
 * @param name what to call the text in errors
 * @throws UserError (usage) for what is not YAML, and for documents older than v1beta3
 */
export function migrate(text: string, name: string): string {
  refuseUnreadable(text, name);
  const documents = parseAllDocuments(text);
  for (const document of documents) refuseOlder(document, name);
  if (!documents.some((document) => versionOf(document) === OLD)) return text;
  let controlPlaneTimeout: Taken | undefined;
  for (const document of documents) {
    if (versionOf(document) !== OLD) continue;
    document.set('apiVersion', NEW);
    const kind = String(document.get('kind'));
    for (const path of ARGUMENTS[kind] ?? []) listArguments(document, path);
    if (kind === 'ClusterConfiguration') controlPlaneTimeout = take(document, CONTROL_PLANE_TIMEOUT);
    if (kind === 'JoinConfiguration') move(document, ['discovery', 'timeout'], ['timeouts', 'discovery']);
  }
  const kept = documents.filter((document) => document.get('kind') !== 'ClusterStatus');
  if (controlPlaneTimeout !== undefined) setControlPlaneTimeout(kept, controlPlaneTimeout);
  return kept.map((document) => String(document).replace(/^---\n/, '')).join('---\n');
}

function versionOf(document: Document): unknown {
  return isMap(document.contents) ? document.get('apiVersion') : undefined;
}

function refuseUnreadable(text: string, name: string): void {
  const lines = new LineCounter();
  const [problem] = parseYaml(text, lines).flatMap(({ problems }) => problems);
  if (problem === undefined) return;
  const { line } = lines.linePos(problem.offset);
  throw refused(`${name}:${line}: ${problem.message}`, 'mend the file first');
}

function refuseOlder(document: Document, name: string): void {
  const version = versionOf(document);
  if (typeof version !== 'string' || !/^kubeadm\.k8s\.io\/v1(alpha\d|beta[12])$/.test(version)) return;
  throw refused(
    `${name}: ${version} is older than ${OLD}`,
    `an older kubeadm (1.22 to 1.26) makes ${OLD} of it: kubeadm config migrate`,
  );
}

/** { name: value } becomes a list of { name, value } in the same order, each with what was noted beside it. */
function listArguments(document: Document, path: readonly string[]): void {
  const present: unknown = document.getIn(path, true);
  if (!isMap(present)) return;
  const list = new YAMLSeq(document.schema);
  noteAs(list, present);
  // Where an alias takes the arguments of another component, it takes the list.
  Object.assign(list, { anchor: present.anchor });
  for (const { key, value } of present.items) {
    const item = new YAMLMap(document.schema);
    if (isScalar(key)) noteAs(item, key);
    item.set('name', String(isScalar(key) ? key.value : key));
    item.set('value', asText(document, value));
    list.add(item);
  }
  document.setIn(path, list);
}

/** The comments of a node that another stands for from now on. */
function noteAs(node: YAMLSeq | YAMLMap, { comment, commentBefore, spaceBefore }: YAMLMap | Scalar): void {
  Object.assign(node, { comment, commentBefore, spaceBefore });
}

/** A value as text, numbers as they are written; it stays the node that it is, for its comments and for aliases of it. */
function asText(document: Document, value: unknown): Scalar {
  const node = resolved(document, value);
  if (!isScalar(node)) return new Scalar('');
  const text = node.source ?? String(node.value ?? '');
  if (node !== value) return new Scalar(text);
  node.value = text;
  return node;
}

/** What an alias stands for. */
function resolved(document: Document, value: unknown): unknown {
  return isAlias(value) ? value.resolve(document) : value;
}

/** A value that leaves its place, with the comment above its name. */
interface Taken {
  readonly value: unknown;
  readonly commentBefore: string | null | undefined;
}

function take(document: Document, path: readonly string[]): Taken | undefined {
  const value = resolved(document, document.getIn(path, true));
  const [parent, key] = [document.getIn(path.slice(0, -1), true), keyAt(document, path)];
  if (value === undefined || !isMap(parent) || key === undefined) return undefined;
  // What is noted above the first field is kept with all of them.
  const noted = parent.items[0]?.key === key ? parent : key;
  const { commentBefore } = noted;
  noted.commentBefore = null;
  document.deleteIn(path);
  if (parent.items.length === 0) document.deleteIn(path.slice(0, -1));
  return { value, commentBefore };
}

function put(document: Document, path: readonly string[], { value, commentBefore }: Taken): void {
  document.setIn(path, value);
  const key = keyAt(document, path);
  if (key !== undefined && commentBefore) key.commentBefore = commentBefore;
}

/** The name of a field. */
function keyAt(document: Document, path: readonly string[]): Scalar | undefined {
  const map: unknown = document.getIn(path.slice(0, -1), true);
  const pair = isMap(map) ? map.items.find(({ key }) => nameIn(key) === path.at(-1)) : undefined;
  if (pair === undefined) return undefined;
  // The library makes names of its own where it adds a field.
  if (!isScalar(pair.key)) pair.key = new Scalar(pair.key);
  return pair.key as Scalar;
}

function nameIn(key: unknown): unknown {
  return isScalar(key) ? key.value : key;
}

function move(document: Document, from: readonly string[], to: readonly string[]): void {
  const taken = take(document, from);
  if (taken !== undefined) put(document, to, taken);
}

/** What was the cluster's is the node's now: of the InitConfiguration, which is made where there is none. */
function setControlPlaneTimeout(documents: Document[], timeout: Taken): void {
  let init = documents.find((document) => document.get('kind') === 'InitConfiguration');
  if (init === undefined) {
    init = new Document({ apiVersion: NEW, kind: 'InitConfiguration' });
    documents.push(init);
  }
  put(init, ['timeouts', 'controlPlaneComponentHealthCheck'], timeout);
}

function refused(message: string, remedy: string): UserError {
  return new UserError(message, { remedy, exitCode: EXIT.usage });
}
