import { parseAllDocuments } from 'yaml';
import { nearest } from '../config/nearest.ts';
import { EXIT, messageOf, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { isObject, type Json, type JsonObject, jsonPatch, mergePatch } from '../kube/json-patch.ts';
import { strategicMerge } from '../kube/strategic-merge.ts';

/** What can be patched; the names are kubeadm's. */
export const PATCH_TARGETS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubeletconfiguration',
  'corednsdeployment',
] as const;

export type PatchTarget = (typeof PATCH_TARGETS)[number];

const TYPES = ['strategic', 'merge', 'json'] as const;

export interface Patch {
  /** Where it comes from, for errors. */
  readonly file: string;
  readonly target: PatchTarget;
  readonly type: (typeof TYPES)[number];
  readonly content: Json;
}

const FILE_NAME = new RegExp(
  `^(${PATCH_TARGETS.join('|')})([^.+]*)?(\\+)?(${TYPES.join('|')})?.*\\.(json|yaml)$`,
);

/**
 * The patches in a folder, in the order of their names: TARGET[SUFFIX][+TYPE].json or .yaml, as kubeadm's; a file
 * may hold several. Other files are left alone.
 * @throws UserError (usage) for what cannot be read, and for a .json or .yaml file that would patch nothing
 */
export async function readPatches(host: Host, directory: string | undefined): Promise<Patch[]> {
  if (directory === undefined) return [];
  if ((await host.stat(directory))?.isDirectory() !== true)
    throw wrong(`there is no folder ${directory} with patches`, 'name the folder that holds them');
  const names = (await host.list(directory)).filter((name) => /\.(json|yaml)$/.test(name));
  const patches = await Promise.all(
    names.map(async (name) => await readFile(host, `${directory}/${name}`, name)),
  );
  return patches.flat();
}

async function readFile(host: Host, path: string, name: string): Promise<Patch[]> {
  const { target, type } = parsePatchName(path, name);
  const text = (await host.readFile(path))?.toString('utf8') ?? '';
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw wrong(`${path}: ${error.message.split('\n')[0]}`, 'mend the patch');
    const content = document.toJS() as Json;
    return content === null ? [] : [{ file: path, target, type, content }];
  });
}

/** @throws UserError (usage) */
export function parsePatchName(path: string, name: string): Pick<Patch, 'target' | 'type'> {
  const [, target, , plus, type] = FILE_NAME.exec(name) ?? [];
  if (target === undefined) {
    const close = nearest(name.replace(/[.+].*$/, ''), PATCH_TARGETS);
    throw wrong(
      `${path} patches nothing that there is`,
      `its name has to begin with ${close === undefined ? `one of ${PATCH_TARGETS.join(', ')}` : close}`,
    );
  }
  if (plus !== undefined && type === undefined)
    throw wrong(`${path} has no type of patch after its +`, `types are ${TYPES.join(', ')}`);
  return { target: target as PatchTarget, type: (type as Patch['type'] | undefined) ?? 'strategic' };
}

/**
 * An object with those of the patches that are for it.
 * @throws UserError (usage) naming the file of a patch that does not apply
 */
export function patched(patches: readonly Patch[], target: PatchTarget, object: object): object {
  return patches
    .filter((patch) => patch.target === target)
    .reduce<JsonObject>((result, patch) => {
      try {
        const next = apply(result, patch);
        if (!isObject(next)) throw new Error('nothing would be left of it');
        return next;
      } catch (error) {
        throw wrong(
          `${patch.file} does not apply to ${target}: ${messageOf(error)}`,
          `it is read as a ${patch.type} patch; ${target}+merge.yaml and ${target}+json.json name other types`,
        );
      }
    }, object as JsonObject);
}

function apply(object: JsonObject, { target, type, content }: Patch): Json {
  if (type === 'json') return jsonPatch(object, content);
  if (type === 'merge') return mergePatch(object, content);
  return strategicMerge(object, content, target === 'kubeletconfiguration' ? 'replaced' : 'kubernetes');
}

function wrong(message: string, remedy: string): UserError {
  return new UserError(message, { remedy, exitCode: EXIT.usage });
}
