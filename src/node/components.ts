import pLimit from 'p-limit';
import { installPath } from '../components/catalog.ts';
import type { Artifact } from '../components/store.ts';
import { UserError } from '../errors.ts';
import { sha256File } from '../host/host.ts';
import type { Phase } from '../phases/phase.ts';
import { changesOf, type NodeContext } from './context.ts';

/** Where the executable that the units run is installed. */
export const KADM_PATH = '/usr/local/bin/kadm';

/** How many files are brought here and checked at once: more only take turns on the disk. */
const AT_ONCE = 3;

/** Installs the binaries that this node needs, each checked by its digest. */
export const components: Phase<NodeContext> = {
  id: 'components',
  title: 'Bring the components here and install them',
  needs: ['preflight'],
  async run(context, step) {
    const changes = changesOf(context, 'components');
    const artifacts = await wantedArtifacts(context);
    step.progress(`from ${context.source.describe()}`);
    const limit = pLimit(AT_ONCE);
    const install = async (artifact: Artifact): Promise<void> => {
      step.signal.throwIfAborted();
      const target = installPath(artifact.name);
      if (await changes.isFile(target, artifact.sha256, BINARY_MODE)) return;
      step.progress(`${artifact.name} ${artifact.version}`);
      await changes.copy(
        target,
        await bringHere(context, artifact, step.signal),
        BINARY_MODE,
        artifact.sha256,
      );
    };
    const binaries = artifacts.filter(({ kind }) => kind === 'binary');
    await Promise.all(binaries.map((artifact) => limit(install, artifact)));
    await installKadm(context);
  },
};

const BINARY_MODE = 0o755;

/** The path of an artefact in this host's store, into which it is brought from the source if need be. */
export async function bringHere(
  context: NodeContext,
  artifact: Artifact,
  signal: AbortSignal,
): Promise<string> {
  if (context.host.dryRun) return context.store.blobPath(artifact.sha256);
  return await context.store.fetch(artifact, context.source, signal);
}

/** The artefacts of this node's components, as the source lists them. */
export async function wantedArtifacts(context: NodeContext): Promise<Artifact[]> {
  const release = context.release();
  const index = await context.source.index(release);
  return context.components.map((name) => {
    const artifact = index.find((one) => one.name === name);
    if (artifact !== undefined) return artifact;
    throw new UserError(`${context.source.describe()} has no ${name} for Kubernetes ${release.kubernetes}`, {
      remedy: 'name another component source in the configuration (docs/configuration.md)',
    });
  });
}

async function installKadm(context: NodeContext): Promise<void> {
  if (context.executable === KADM_PATH) return;
  const digest = await sha256File(context.executable);
  if (digest === undefined) throw new Error(`${context.executable} has vanished`);
  await changesOf(context, 'components').copy(KADM_PATH, context.executable, 0o755, digest);
}
