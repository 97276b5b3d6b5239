import { lazyClient } from '../../init/api-client.ts';
import { type ControlPlaneContext, localUrl } from '../../init/context.ts';
import type { Phase } from '../../phases/phase.ts';
import { type RunPhasesOptions, runPhases } from '../../phases/runner.ts';
import type { JoinContext } from '../context.ts';
import type { ControlPlaneJoinContext } from './context.ts';
import { controlPlaneSettings } from './settings.ts';

/** Runs phases by which a host joins as a control plane; whatever comes of them, the next one may join then. */
export async function runControlPlanePhases(
  phases: readonly Phase<ControlPlaneJoinContext>[],
  context: JoinContext,
  environment: Readonly<Record<string, string | undefined>>,
  options: RunPhasesOptions,
): Promise<void> {
  const { host, cluster } = context;
  let here: ControlPlaneContext | undefined;
  const ofThisHost = (): ControlPlaneContext => {
    here ??= { ...context, settings: controlPlaneSettings(cluster.get(), environment), api: own.get };
    return here;
  };
  const apiCallMs = (): number => cluster.get().settings.timeouts.apiCallMs;
  const own = lazyClient(host, () => ({
    server: localUrl(ofThisHost().settings),
    timeoutMs: apiCallMs(),
  }));
  const others = lazyClient(host, () => ({ server: cluster.get().server, timeoutMs: apiCallMs() }));
  const held: ControlPlaneJoinContext['held'] = {};
  const whole = { ...context, here: ofThisHost, others: others.get, held };
  try {
    await runPhases(phases, whole, options);
  } finally {
    await held.lock?.release((message) => options.emit({ type: 'warning', path: [], message }));
    await Promise.all([own.close(), others.close()]);
  }
}
