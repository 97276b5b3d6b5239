import { stat } from 'node:fs/promises';
import pLimit from 'p-limit';
import { type ComponentName, installPath } from '../components/catalog.ts';
import { promisedFile } from '../components/source.ts';
import type { Artifact } from '../components/store.ts';
import { UserError } from '../errors.ts';
import { readPieces, sha256File } from '../host/large-file.ts';
import { isTransient } from '../host/transient.ts';
import type { Phase, Step } from '../phases/phase.ts';
import { changesOf, type NodeContext } from './context.ts';

/** Where the executable that the units run is installed. */
export const KADM_PATH = '/usr/local/bin/kadm';

/** How many files are brought here and checked at once: more only take turns on the disk. */
const AT_ONCE = 3;

/** What the runtime and the kubelet are started from; everything else may come while they start. */
const FIRST: readonly ComponentName[] = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc', 'kubelet'];

/** Installs the binaries that start first, each checked by its digest. */
export const components: Phase<NodeContext> = {
  id: 'components',
  title: 'Bring the components here and install them',
  needs: ['preflight'],
  run: async (context, step) =>
    await installBinaries(context, step, 'components', (name) => FIRST.includes(name)),
};

/** Installs the other binaries, and kadm itself. */
export const otherComponents: Phase<NodeContext> = {
  id: 'other-components',
  title: 'Install the other components',
  needs: ['components'],
  async run(context, step) {
    await installBinaries(context, step, 'other-components', (name) => !FIRST.includes(name));
    await installKadm(context);
  },
};

async function installBinaries(
  context: NodeContext,
  step: Step,
  phase: string,
  wanted: (name: ComponentName) => boolean,
): Promise<void> {
  const changes = changesOf(context, phase);
  step.progress(`from ${context.source.describe()}`);
  const limit = pLimit(AT_ONCE);
  const install = async (artifact: Artifact): Promise<void> => {
    step.signal.throwIfAborted();
    step.progress(`${artifact.name} ${artifact.version}`);
    const file = promisedFile(artifact, context.source, step.signal);
    await changes.install(installPath(artifact.name), file, BINARY_MODE);
  };
  const artifacts = await wantedArtifacts(context);
  const binaries = artifacts.filter(({ kind, name }) => kind === 'binary' && wanted(name));
  await Promise.all(binaries.map((artifact) => limit(install, artifact)));
}

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
  await changesOf(context, 'other-components').install(KADM_PATH, file, BINARY_MODE);
}
