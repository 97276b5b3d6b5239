import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { architecture, type ComponentName, imageName, isImage, type Release } from '../catalog.ts';
import type { Artifact, ComponentStore } from '../store.ts';
import { debianVersion } from './debian.ts';
import { buildPrograms, demandGo } from './go-build.ts';
import { imageEntries } from './image-entries.ts';
import { IMAGES } from './images.ts';
import { withBuildLock } from './lock.ts';
import { ociArchive } from './oci-archive.ts';
import { buildPause } from './pause.ts';
import { DEBIAN_BINARIES, GO_GROUPS, type GoGroup, groupOf, PROGRAMS, programsOf } from './programs.ts';
import { recipeOf } from './recipe.ts';

export interface BuildOptions {
  readonly release: Release;
  readonly names: readonly ComponentName[];
  readonly store: ComponentStore;
  /** kadm's cache folder: what building leaves behind for the next time is below it. */
  readonly cacheDirectory: string;
  /** A Debian 13 root filesystem with the packages of the lab. */
  readonly rootfs: string;
  readonly onProgress: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Paths of programs on this machine, by name. */
type Built = ReadonlyMap<string, string>;

/**
 * The component source `build`: makes what the store lacks from Go modules and Debian packages. Each
 * component is in the store as soon as it is done, so that an interrupted build goes on; a second process
 * waits for the first.
 * @returns the names that had to be built
 */
export async function buildComponents(options: BuildOptions): Promise<ComponentName[]> {
  if ((await missing(options)).length === 0) return [];
  return await withBuildLock(options, async () => {
    const names = await missing(options);
    await options.store.removePartials();
    for (const name of names) if (groupOf(name) === undefined) await storeBinary(name, new Map(), options);
    for (const group of GO_GROUPS) {
      const ofGroup = names.filter((name) => groupOf(name) === group);
      if (ofGroup.length > 0) await buildGroup(group, ofGroup, options);
    }
    return names;
  });
}

async function missing({ store, release, names }: BuildOptions): Promise<ComponentName[]> {
  const wanted = [...new Set(names)];
  const made = await Promise.all(
    wanted.map((name) => store.made(release.kubernetes, name, recipeOf(name, release))),
  );
  return wanted.filter((_, index) => made[index] === undefined);
}

async function buildGroup(
  group: GoGroup,
  names: readonly ComponentName[],
  options: BuildOptions,
): Promise<void> {
  await demandGo();
  const { release, onProgress, signal, cacheDirectory } = options;
  const title = `${group.id} ${group.version(release)}`;
  const directory = `${cacheDirectory}/build/${group.id}-${group.version(release)}`;
  const wanted = new Set(names.flatMap(programsOf));
  const programs = (Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[]).filter((name) => wanted.has(name));
  const progress = (message: string): void => onProgress(`${title}: ${message}`);
  const build = { group, release, programs, directory, signal, onProgress: progress };
  const built = new Map<string, string>(programs.length === 0 ? [] : await buildPrograms(build));
  if (wanted.has('pause')) built.set('pause', await buildPause(build));
  for (const name of names) {
    signal.throwIfAborted();
    await (isImage(name) ? storeImage(name, built, options) : storeBinary(name, built, options));
  }
  // The store has them now; Go's own cache makes building them again quick.
  await rm(`${directory}/out`, { recursive: true, force: true });
}

async function storeBinary(name: ComponentName, built: Built, options: BuildOptions): Promise<void> {
  const { release, rootfs, store } = options;
  const debian = Object.entries(DEBIAN_BINARIES).find(([one]) => one === name)?.[1];
  const path = debian === undefined ? built.get(name) : `${rootfs}${debian.path}`;
  const group = groupOf(name);
  if (path === undefined) throw new Error(`${name} was not built`);
  options.onProgress(`storing ${name}`);
  const version = debian ? await debianVersion(rootfs, debian.package) : (group?.version(release) ?? '');
  const file = await store.add(createReadStream(path, { highWaterMark: 1024 * 1024 }));
  await record({ name, version, kind: 'binary', ...file }, options);
}

async function storeImage(name: keyof typeof IMAGES, built: Built, options: BuildOptions): Promise<void> {
  const { release, rootfs, store } = options;
  const fullName = imageName(name, release);
  const recipe = IMAGES[name];
  options.onProgress(`packing ${fullName}`);
  const entries = await imageEntries(recipe, built, rootfs);
  const image = { ...recipe, entries, name: fullName, architecture: architecture() };
  const { digest, archive } = await ociArchive(image);
  const file = await store.add(archive);
  const version = fullName.slice(fullName.lastIndexOf(':') + 1);
  await record({ name, version, kind: 'image', ...file, image: { name: fullName, digest } }, options);
}

async function record(artifact: Artifact, { store, release }: BuildOptions): Promise<void> {
  await store.record(release.kubernetes, artifact, recipeOf(artifact.name, release));
}
