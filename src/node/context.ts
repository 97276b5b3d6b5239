import type { ComponentName, Release } from '../components/catalog.ts';
import type { ComponentSource } from '../components/source.ts';
import type { ImageNames } from '../config/image-names.ts';
import type { HostSettings } from '../config/node-settings.ts';
import type { Host } from '../host/host.ts';
import { Changes } from '../phases/changes.ts';
import type { Ledger } from '../phases/ledger.ts';
import type { Patch } from './patches.ts';

/** What the phases that every host goes through need, whether it becomes a master or a worker. */
export interface NodeContext {
  readonly host: Host;
  readonly ledger: Ledger;
  readonly settings: HostSettings;
  /** This executable: what the agent's unit runs. */
  readonly executable: string;
  readonly source: ComponentSource;
  /** Which components this node needs. */
  readonly components: readonly ComponentName[];
  /** The release to set up; known from the start on a master, after discovery on a worker. */
  readonly release: () => Release;
  /** How the cluster names images; undefined as long as a host does not know its cluster. */
  readonly imageNames: () => ImageNames | undefined;
  /** What is to be changed in what kadm writes. */
  readonly patches: readonly Patch[];
}

/** The hand of one phase: what it changes is recorded under its id. */
export function changesOf(context: Pick<NodeContext, 'host' | 'ledger'>, phase: string): Changes {
  return new Changes(context.host, context.ledger, phase);
}
