import { buildComponents } from '../../components/build/build.ts';
import { componentsOf, DEFAULT_KUBERNETES_VERSION, releaseFor } from '../../components/catalog.ts';
import { ComponentStore } from '../../components/store.ts';
import type { Phase } from '../../phases/phase.ts';
import type { UpContext } from '../up/context.ts';

/** Kubernetes and what it runs on, built from source where the cache does not have them: about eight minutes, once. */
export const components: Phase<UpContext> = {
  id: 'components',
  title: 'Components',
  needs: ['root-filesystem'],
  async run({ record, cacheDirectory }, step) {
    const release = releaseFor(DEFAULT_KUBERNETES_VERSION);
    const built = await buildComponents({
      release,
      names: componentsOf('control-plane'),
      store: new ComponentStore(record.store ?? `${cacheDirectory}/store`),
      cacheDirectory,
      rootfs: record.rootfs,
      onProgress: step.progress,
      signal: step.signal,
    });
    step.note(built.length === 0 ? 'in the cache' : `built ${built.length}`);
  },
};
