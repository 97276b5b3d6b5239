import pLimit from 'p-limit';
import type { ComponentName } from '../components/catalog.ts';
import type { Artifact } from '../components/store.ts';
import { UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Phase } from '../phases/phase.ts';
import { bringHere, wantedArtifacts } from './components.ts';
import { CONTAINERD_SOCKET } from './container-runtime.ts';
import type { NodeContext } from './context.ts';

const IMPORT_TIMEOUT_MS = 300_000;
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
  run: async (context, step) =>
    await importImages(context, step, (name) => FIRST.some((one) => one === name)),
};

export const otherImages: Phase<NodeContext> = {
  id: 'other-images',
  title: 'Import the other images',
  needs: ['images'],
  run: async (context, step) =>
    await importImages(context, step, (name) => !FIRST.some((one) => one === name)),
};

async function importImages(
  context: NodeContext,
  step: Parameters<Phase<NodeContext>['run']>[1],
  wanted: (name: string) => boolean,
): Promise<void> {
  const present = await importedImages(context.host);
  const lacking = (await wantedArtifacts(context)).filter(
    ({ name, image }) => wanted(name) && image !== undefined && present.get(image.name) !== image.digest,
  );
  const limit = pLimit(AT_ONCE);
  const bring = async (artifact: Artifact): Promise<void> => {
    step.signal.throwIfAborted();
    step.progress(artifact.image?.name ?? artifact.name);
    const file = await bringHere(context, artifact, step.signal);
    await context.host.run([...CTR, 'images', 'import', '--local', file], { timeoutMs: IMPORT_TIMEOUT_MS });
  };
  await Promise.all(lacking.map((artifact) => limit(bring, artifact)));
  if (lacking.length > 0 && !context.host.dryRun) await checkImported(context.host, lacking);
  step.note(lacking.length === 0 ? 'they are there' : `${lacking.length}`);
}

async function checkImported(host: Host, artifacts: readonly Artifact[]): Promise<void> {
  const found = await importedImages(host);
  for (const { name, image } of artifacts) {
    if (image === undefined || found.get(image.name) === image.digest) continue;
    throw new UserError(
      `the archive of ${name} held ${image.name} as ${found.get(image.name) ?? 'nothing'}`,
      {
        remedy: `${image.digest} was promised: fill the component source again`,
      },
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
