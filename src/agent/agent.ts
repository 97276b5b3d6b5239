import { LocalHost } from '../host/host.ts';
import type { KubeClient } from '../kube/client.ts';
import { clientAs, ensureIdentity, type Identity, renewWhenDue } from './identity.ts';
import { Lifeline } from './lifeline.ts';
import type { Log } from './log.ts';
import { NetworkRecord } from './network-record.ts';
import type { PageSources } from './pages.ts';
import { runServices, type Service } from './service.ts';
import type { AgentSettings } from './settings.ts';

/**
 * The daemon of a node: gets its identity, then runs its services until the signal. Ending it, at whatever
 * moment, leaves the network as it is.
 */
export async function runAgent(settings: AgentSettings, signal: AbortSignal, log: Log): Promise<void> {
  const lifeline = new Lifeline(log);
  const record = new NetworkRecord();
  while (!signal.aborted) {
    const identity = await ensureIdentity(settings, signal, log);
    if (identity !== undefined) await runAs(identity, { settings, lifeline, record, signal, log });
  }
}

interface Run {
  readonly settings: AgentSettings;
  readonly lifeline: Lifeline;
  readonly record: NetworkRecord;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** The services under one identity: until the signal, or until there is a newer one to go on with. */
async function runAs(identity: Identity, run: Run): Promise<void> {
  const { settings, signal, log } = run;
  const stop = new AbortController();
  const session = AbortSignal.any([signal, stop.signal]);
  const client = await clientAs(identity, settings);
  try {
    const services = await servicesOf(identity, client, run);
    const renewed = renewWhenDue(settings, identity, session, log).finally(() => stop.abort());
    await Promise.all([runServices(services, session, log), renewed]);
  } finally {
    stop.abort();
    client.close();
  }
}

/** Each service is loaded only where it runs: the agent is on every node, and memory is not free. */
async function servicesOf(identity: Identity, client: KubeClient, run: Run): Promise<Service[]> {
  const { settings, lifeline, log } = run;
  const services: Service[] = [lifeline];
  if (settings.network.backend === 'none') {
    lifeline.ready();
    services.push(...(await endpointServices(identity, client, run, undefined)));
  } else services.push(...(await networkServices(identity, client, run)));
  if (settings.role === 'control-plane') {
    const { ApprovalService } = await import('./approval.ts');
    services.push(new ApprovalService(settings, client, log));
  }
  return services;
}

/** The pod network, the probes of it, and the pages that tell of both. */
async function networkServices(identity: Identity, client: KubeClient, run: Run): Promise<Service[]> {
  const { settings, lifeline, record, log } = run;
  const { NetworkService } = await import('./network.ts');
  const { Prober } = await import('./prober.ts');
  const prober = new Prober(settings.podCidrs, log, () => network.wake('an answer of the probes'));
  const network: { readonly wake: (trigger: string) => void } & Service = new NetworkService(
    settings,
    client,
    new LocalHost(),
    log,
    {
      onReady: () => lifeline.ready(),
      onTurn: () => lifeline.turn(),
      onPass: (facts) => prober.update(facts),
      whyBroken: () => prober.whyBroken,
      record,
    },
  );
  return [network, prober, ...(await endpointServices(identity, client, run, { record, prober }))];
}

/** Health and metrics, and what there is to tell of the pod network. */
async function endpointServices(
  identity: Identity,
  client: KubeClient,
  { settings, log }: Run,
  network: PageSources['network'],
): Promise<Service[]> {
  const [address] = settings.nodeIPs;
  if (address === undefined) return [];
  const { Endpoint } = await import('./endpoint.ts');
  const { Access } = await import('./access.ts');
  const { pagesOf } = await import('./pages.ts');
  const access = new Access(client, settings.nodeName);
  const pages = pagesOf({ settings, identity, network });
  return [new Endpoint({ address, caFile: settings.caFile, access, pages, log })];
}
