import { LocalHost } from '../host/host.ts';
import type { KubeClient } from '../kube/client.ts';
import { clientAs, ensureIdentity, type Identity, renewWhenDue } from './identity.ts';
import { Lifeline } from './lifeline.ts';
import type { Log } from './log.ts';
import { runServices, type Service } from './service.ts';
import type { AgentSettings } from './settings.ts';

/**
 * The daemon of a node: gets its identity, then runs its services until the signal. Ending it, at whatever
 * moment, leaves the network as it is.
 */
export async function runAgent(settings: AgentSettings, signal: AbortSignal, log: Log): Promise<void> {
  const lifeline = new Lifeline(log);
  while (!signal.aborted) {
    const identity = await ensureIdentity(settings, signal, log);
    if (identity !== undefined) await runAs(identity, { settings, lifeline, signal, log });
  }
}

interface Run {
  readonly settings: AgentSettings;
  readonly lifeline: Lifeline;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** The services under one identity: until the signal, or until there is a newer one to go on with. */
async function runAs(identity: Identity, { settings, lifeline, signal, log }: Run): Promise<void> {
  const stop = new AbortController();
  const session = AbortSignal.any([signal, stop.signal]);
  const client = await clientAs(identity, settings);
  try {
    const services = await servicesOf(settings, client, lifeline, log);
    const renewed = renewWhenDue(settings, identity, session, log).finally(() => stop.abort());
    await Promise.all([runServices(services, session, log), renewed]);
  } finally {
    stop.abort();
    client.close();
  }
}

/** Each service is loaded only where it runs: the agent is on every node, and memory is not free. */
async function servicesOf(
  settings: AgentSettings,
  client: KubeClient,
  lifeline: Lifeline,
  log: Log,
): Promise<Service[]> {
  const services: Service[] = [lifeline];
  if (settings.network.backend === 'none') {
    lifeline.ready();
  } else {
    const { NetworkService } = await import('./network.ts');
    const hooks = { onReady: () => lifeline.ready(), onTurn: () => lifeline.turn() };
    services.push(new NetworkService(settings, client, new LocalHost(), log, hooks));
  }
  if (settings.role === 'control-plane') {
    const { ApprovalService } = await import('./approval.ts');
    services.push(new ApprovalService(settings, client, log));
  }
  return services;
}
