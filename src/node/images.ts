import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { ComponentName } from '../components/catalog.ts';
import type { Artifact } from '../components/store.ts';
import type { EnvVar } from '../config/control-plane.ts';
import { configuredName } from '../config/image-names.ts';
import { UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Phase, Step } from '../phases/phase.ts';
import { wantedArtifacts } from './components.ts';
import { CONTAINERD_SOCKET } from './container-runtime.ts';
import type { NodeContext } from './context.ts';
import { RUNTIME_DIRECTORY } from './paths.ts';

const PULL_TIMEOUT_MS = 300_000;
const PULL_ATTEMPTS = 4;
const PULL_PAUSE_MS = 250;
const CTR = ['/usr/local/bin/ctr', '--address', CONTAINERD_SOCKET, '--namespace', 'k8s.io'];
/** Unpacking is work for processor and disk: two at once keep both busy. */
const AT_ONCE = 2;

/** What an API server needs to start; everything else may come while it starts. */
const FIRST: readonly ComponentName[] = ['image-pause', 'image-etcd', 'image-kube-apiserver'];

/** Gives containerd the images that start first, so that nothing is pulled while the cluster starts. */
export const images: Phase<NodeContext> = {
  id: 'images',
  title: 'Import the first images',
  needs: ['container-runtime'],
  run: async (context, step) => await importImages(context, step, (name) => FIRST.includes(name)),
};

export const otherImages: Phase<NodeContext> = {
  id: 'other-images',
  title: 'Import the other images',
  needs: ['images'],
  run: async (context, step) => await importImages(context, step, (name) => !FIRST.includes(name)),
};

async function importImages(
  context: NodeContext,
  step: Step,
  wanted: (name: ComponentName) => boolean,
): Promise<void> {
  const { host, settings } = context;
  const present = await importedImages(host);
  const all = (await wantedArtifacts(context)).filter(({ name }) => wanted(name));
  if (settings.imagePull.policy === 'Never') {
    refuseLacking(
      present,
      all.flatMap((artifact) => namesOf(context, artifact)),
    );
    return step.note('none, by imagePullPolicy: they are there');
  }
  const lacking = all.filter(({ image }) => image !== undefined && present.get(image.name) !== image.digest);
  if (lacking.length > 0) await pullImages(context, step, lacking);
  await nameImages(context, step, wanted);
  step.note(lacking.length === 0 ? 'they are there' : `${lacking.length}`);
}

function namesOf(context: NodeContext, { image }: Artifact): string[] {
  if (image === undefined) return [];
  const names = context.imageNames();
  return [names === undefined ? image.name : configuredName(image.name, names)];
}

function refuseLacking(present: ReadonlyMap<string, string>, wanted: readonly string[]): void {
  const lacking = wanted.filter((name) => !present.has(name));
  if (lacking.length === 0) return;
  throw new UserError(`imagePullPolicy is Never, and the runtime has no ${lacking.join(', ')}`, {
    remedy: 'bring them there (ctr --namespace k8s.io images import FILE), or leave imagePullPolicy out',
  });
}

/**
 * Gives images the names by which the cluster names them, where those are not the official ones. One with another
 * tag is another image: it is pulled from where its name says.
 */
export async function nameImages(
  context: NodeContext,
  step: Step,
  wanted: (name: ComponentName) => boolean = () => true,
): Promise<void> {
  const { host, settings } = context;
  if (settings.imagePull.policy === 'Never') return;
  const all = (await wantedArtifacts(context)).filter(({ name }) => wanted(name));
  const renamed = all.flatMap((artifact) =>
    namesOf(context, artifact).flatMap((name) =>
      artifact.image === undefined || name === artifact.image.name
        ? []
        : [{ official: artifact.image, name }],
    ),
  );
  if (renamed.length === 0) return;
  const present = await importedImages(host);
  const env = environmentOf(settings.proxy);
  for (const { official, name } of renamed) {
    const same = tagOf(official.name) === tagOf(name);
    if (same ? present.get(name) === official.digest : present.has(name)) continue;
    step.progress(name);
    const act = same ? ['images', 'tag', '--force', official.name, name] : ['images', 'pull', name];
    await host.run([...CTR, ...act], { timeoutMs: PULL_TIMEOUT_MS, signal: step.signal, env });
  }
}

/** ctr itself speaks to the registry; what is inside of the cluster must not go through a proxy. */
function environmentOf(variables: readonly EnvVar[]): Record<string, string> {
  return Object.fromEntries(variables.map(({ name, value = '' }) => [name, value]));
}

function tagOf(name: string): string {
  return name.slice(name.lastIndexOf(':'));
}

/**
 * containerd pulls them as from a registry: it fetches and checks each part by the digest that its manifest
 * names, and the manifest's own digest is compared with what was promised.
 */
async function pullImages(
  { host, source, settings }: NodeContext,
  step: Step,
  artifacts: readonly Artifact[],
): Promise<void> {
  if (host.dryRun) {
    for (const { image } of artifacts) await host.run([...CTR, 'images', 'pull', image?.name ?? '']);
    return;
  }
  const server = await source.serveImages(artifacts);
  const hosts = await hostsDirectory(server.url);
  const env = environmentOf(settings.proxy);
  const limit = pLimit(settings.imagePull.serial ? 1 : AT_ONCE);
  const pull = async ({ image, name }: Artifact): Promise<void> => {
    step.signal.throwIfAborted();
    if (image === undefined) throw new Error(`${name} is not an image`);
    step.progress(image.name);
    const argv = [...CTR, 'images', 'pull', '--hosts-dir', hosts, image.name];
    await withRetries(step.signal, () =>
      host.run(argv, { timeoutMs: PULL_TIMEOUT_MS, signal: step.signal, env }),
    );
  };
  try {
    await Promise.all(artifacts.map((artifact) => limit(pull, artifact)));
    await checkPulled(host, artifacts);
  } finally {
    await rm(hosts, { recursive: true, force: true });
    await server.close();
  }
}

/** How the runtime reaches a registry (containerd, docs/hosts.md): here all of them are this one. */
async function hostsDirectory(url: string): Promise<string> {
  await mkdir(RUNTIME_DIRECTORY, { recursive: true });
  const directory = await mkdtemp(`${RUNTIME_DIRECTORY}/images-`);
  await mkdir(`${directory}/_default`);
  await writeFile(`${directory}/_default/hosts.toml`, `server = "${url}"\n`);
  return directory;
}

/** A pull that was cut goes on where it stopped. */
async function withRetries(signal: AbortSignal, pull: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await pull();
      return;
    } catch (error) {
      if (attempt === PULL_ATTEMPTS || signal.aborted) throw error;
      await sleep(PULL_PAUSE_MS * 2 ** attempt, undefined, { signal });
    }
  }
}

/** An image that is not the promised one is removed again. @throws UserError that names it */
async function checkPulled(host: Host, artifacts: readonly Artifact[]): Promise<void> {
  const found = await importedImages(host);
  for (const { name, image } of artifacts) {
    if (image === undefined || found.get(image.name) === image.digest) continue;
    await host.run([...CTR, 'images', 'rm', image.name], { allowFailure: true });
    throw new UserError(
      `${name}: the source gave ${found.get(image.name) ?? 'nothing'} as ${image.name}, but ${image.digest} was promised`,
      { remedy: 'it is damaged or was tampered with: fill the component source again' },
    );
  }
}

/** Names of the images that containerd has for Kubernetes, with the digests of their manifests. */
export async function importedImages(host: Host): Promise<Map<string, string>> {
  const { stdout } = await host.query([...CTR, 'images', 'list'], { allowFailure: true });
  const rows = stdout
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/));
  return new Map(rows.flatMap(([name, , digest]) => (name && digest ? [[name, digest] as const] : [])));
}
