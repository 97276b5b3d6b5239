import { X509Certificate } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { FAMILIES, FAMILY } from '../config/family.ts';
import type { Page } from './endpoint.ts';
import type { Identity } from './identity.ts';
import { METRICS_CONTENT_TYPE, renderMetrics } from './metrics.ts';
import type { NetworkRecord } from './network-record.ts';
import type { Prober } from './prober.ts';
import type { AgentSettings } from './settings.ts';
import { agentStatus } from './status.ts';

export interface PageSources {
  readonly settings: AgentSettings;
  readonly identity: Identity;
  /** Undefined where the pod network is not kadm's. */
  readonly network: { readonly record: NetworkRecord; readonly prober: Prober } | undefined;
}

/** Sampling costs a wake-up each time; a lag that matters here is longer than this. */
const LAG_RESOLUTION_MS = 1_000;

/** What the agent tells over HTTPS, by path. */
export function pagesOf({ settings, identity, network }: PageSources): Readonly<Record<string, Page>> {
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  lag.enable();
  const certificateExpires = new X509Certificate(identity.pem).validToDate.getTime();
  return {
    '/healthz': { subresource: undefined, contentType: 'text/plain', render: () => 'ok\n' },
    '/metrics': {
      subresource: 'metrics',
      contentType: METRICS_CONTENT_TYPE,
      render: () => {
        const late = Math.max(0, lag.max / 1e9 - LAG_RESOLUTION_MS / 1000);
        lag.reset();
        return renderMetrics({
          network: network && { record: network.record, probes: network.prober.results },
          certificateExpires,
          eventLoopLagSeconds: late,
          residentBytes: process.memoryUsage.rss(),
        });
      },
    },
    ...(network === undefined ? {} : networkPages(settings, network.record, network.prober)),
  };
}

function networkPages(
  { nodeName: node, network: { backend } }: AgentSettings,
  record: NetworkRecord,
  prober: Prober,
): Readonly<Record<string, Page>> {
  return {
    '/probe': {
      subresource: 'proxy',
      contentType: 'application/json',
      render: async (query) => {
        const family = FAMILIES.find((one) => FAMILY[one].name === (query.get('family') ?? 'IPv4'));
        const burst = family && (await prober.burst(query.get('peer') ?? '', family));
        return burst && JSON.stringify(burst);
      },
    },
    '/status': {
      subresource: 'stats',
      contentType: 'application/json',
      render: async () => {
        const { whyBroken, results: probes } = prober;
        return JSON.stringify(await agentStatus({ node, backend, record, probes, whyBroken }));
      },
    },
  };
}
