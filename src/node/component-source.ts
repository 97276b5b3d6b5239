import { type ComponentSource, HttpSource, StoreSource } from '../components/source.ts';
import { type Artifact, ComponentStore } from '../components/store.ts';
import type { ComponentSourceSettings } from '../config/schema.ts';
import { STATE_DIRECTORY } from '../phases/ledger.ts';

/** Where a host keeps components that came over the network. */
export const HOST_STORE = `${STATE_DIRECTORY}/store`;

/**
 * The source that the configuration names, and the store in which its files are found: a store on this
 * machine is used in place.
 */
export function componentsFrom(settings: ComponentSourceSettings | undefined): {
  readonly store: ComponentStore;
  readonly source: ComponentSource;
} {
  if (settings?.kind === 'http') {
    const source = new HttpSource(settings.url, settings.artifacts as Artifact[]);
    return { store: new ComponentStore(HOST_STORE), source };
  }
  const store = new ComponentStore(settings?.path ?? HOST_STORE);
  return { store, source: new StoreSource(store) };
}
