import { componentsOf, releaseFor } from '../components/catalog.ts';
import type { JoinSettings } from '../config/settings.ts';
import type { Host } from '../host/host.ts';
import { componentsFrom } from '../node/component-source.ts';
import type { Emit } from '../phases/events.ts';
import { Ledger } from '../phases/ledger.ts';
import { runPhases } from '../phases/runner.ts';
import { Discovered, type JoinContext } from './context.ts';
import { joinPhases } from './index.ts';

export interface JoinRun {
  readonly settings: JoinSettings;
  readonly host: Host;
  /** Path of this executable. */
  readonly executable: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Brings this host into a cluster as a worker; ends when its Node is Ready. */
export async function join(run: JoinRun): Promise<void> {
  const { settings, host, emit, signal } = run;
  const ledger = await Ledger.open(host);
  const cluster = new Discovered();
  const context: JoinContext = {
    ...componentsFrom(settings.componentSource),
    settings,
    host,
    ledger,
    executable: run.executable,
    components: componentsOf('worker'),
    release: () => releaseFor(cluster.get().kubernetesVersion),
    cluster,
  };
  await runPhases(joinPhases, context, { emit, signal, skip: settings.skipPhases });
  if (host.dryRun) return;
  await ledger.append({ verb: 'join', state: 'complete', version: context.release().kubernetes });
  emit({ type: 'result', path: [], result: { nodeName: settings.nodeName } });
}
