import { stat } from 'node:fs/promises';
import pLimit from 'p-limit';
import { installPath } from '../components/catalog.ts';
import { promisedFile } from '../components/source.ts';
import type { Artifact } from '../components/store.ts';
import { UserError } from '../errors.ts';
import { readPieces, sha256File } from '../host/large-file.ts';
import { isTransient } from '../host/transient.ts';
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
      step.progress(`${artifact.name} ${artifact.version}`);
      const file = promisedFile(artifact, context.source, step.signal);
      await changes.install(installPath(artifact.name), file, BINARY_MODE);
    };
    const binaries = artifacts.filter(({ kind }) => kind === 'binary');
    await Promise.all(binaries.map((artifact) => limit(install, artifact)));
    await installKadm(context);
  },
};

const BINARY_MODE = 0o755;

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
  const path = context.executable;
  if (path === KADM_PATH) return;
  const [digest, { size }] = await Promise.all([sha256File(path), stat(path)]);
  if (digest === undefined) throw new Error(`${path} has vanished`);
  const file = {
    name: path,
    sha256: digest,
    size,
    open: () => readPieces(path),
    ...(isTransient(path) ? { shareable: path } : {}),
  };
  await changesOf(context, 'components').install(KADM_PATH, file, BINARY_MODE);
}
