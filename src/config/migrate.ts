import { Document, isMap, isScalar, LineCounter, parseAllDocuments } from 'yaml';
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
  let controlPlaneTimeout: unknown;
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

/** { name: value } becomes a list of { name, value }, in alphabetical order as kubeadm has it. */
function listArguments(document: Document, path: readonly string[]): void {
  const present: unknown = document.getIn(path, true);
  if (!isMap(present)) return;
  const items = present.items
    .map((pair) => ({
      name: String(isScalar(pair.key) ? pair.key.value : pair.key),
      value: isScalar(pair.value) ? (pair.value.source ?? String(pair.value.value ?? '')) : '',
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  document.setIn(path, document.createNode(items));
}

function take(document: Document, path: readonly string[]): unknown {
  const value: unknown = document.getIn(path);
  if (value === undefined) return undefined;
  document.deleteIn(path);
  const parent: unknown = document.getIn(path.slice(0, -1), true);
  if (isMap(parent) && parent.items.length === 0) document.deleteIn(path.slice(0, -1));
  return value;
}

function move(document: Document, from: readonly string[], to: readonly string[]): void {
  const value = take(document, from);
  if (value !== undefined) document.setIn(to, value);
}

/** What was the cluster's is the node's now: of the InitConfiguration, which is made where there is none. */
function setControlPlaneTimeout(documents: Document[], value: unknown): void {
  const path = ['timeouts', 'controlPlaneComponentHealthCheck'] as const;
  const init = documents.find((document) => document.get('kind') === 'InitConfiguration');
  if (init === undefined) {
    const [first, second] = path;
    const made = { apiVersion: NEW, kind: 'InitConfiguration', [first]: { [second]: value } };
    documents.push(new Document(made));
  } else init.setIn(path, value);
}

function refused(message: string, remedy: string): UserError {
  return new UserError(message, { remedy, exitCode: EXIT.usage });
}
