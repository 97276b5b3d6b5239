import { request } from 'node:https';
import { z } from 'zod';
import { EXIT, UserError } from '../errors.ts';
import { ConnectionError } from './api-error.ts';

const PATH = '/api/v1/namespaces/kube-public/configmaps/cluster-info';
/** Of one answer. */
export const CLUSTER_INFO_TIMEOUT_MS = 15_000;
const MAX_BYTES = 1024 * 1024;

const schema = z.looseObject({ data: z.record(z.string(), z.string()) });

export interface ClusterInfo extends z.infer<typeof schema> {
  /** By how much the clock here is ahead of the server's, in milliseconds; undefined where it does not tell its time. */
  readonly clockAheadMs?: number;
}

/**
 * Reads cluster-info from an API server that is not trusted yet: its signature and CA hash are checked
 * afterwards, and nothing secret is sent.
 * @throws UserError when there is no API server, or it has none
 */
export async function fetchClusterInfo(
  server: string,
  signal: AbortSignal,
  timeoutMs = CLUSTER_INFO_TIMEOUT_MS,
): Promise<ClusterInfo> {
  const { text, clockAheadMs } = await readUntrusted(new URL(PATH, server), signal, timeoutMs);
  const result = schema.safeParse(parseJson(text));
  if (result.success) return { ...result.data, ...(clockAheadMs === undefined ? {} : { clockAheadMs }) };
  throw new UserError(`${server} has no cluster-info for joining nodes`, {
    remedy: 'check that this is the API server of a cluster that kadm or kubeadm made',
    exitCode: EXIT.preflight,
  });
}

interface Untrusted {
  readonly text: string;
  readonly clockAheadMs: number | undefined;
}

function readUntrusted(url: URL, signal: AbortSignal, timeoutMs: number): Promise<Untrusted> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(new ConnectionError({ method: 'GET', url }, error, EXIT.preflight));
    // No agent: the usual one has TCP's keep-alive end a silent connection after 11 s, before the bound below.
    const call = request(url, { agent: false, rejectUnauthorized: false, signal }, (response) => {
      let text = '';
      const clockAheadMs = aheadOf(response.headers.date);
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_BYTES) call.destroy(new Error('its answer does not end'));
      });
      response.on('end', () => resolve({ text, clockAheadMs }));
      response.on('error', fail);
    });
    call.on('error', fail);
    // Of the whole answer: one that comes a byte at a time would never be silent for long.
    const late = setTimeout(
      () => call.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    call.on('close', () => clearTimeout(late));
    call.end();
  });
}

/** @param date a Date header (RFC 9110, 6.6.1) */
function aheadOf(date: string | undefined): number | undefined {
  const time = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(time) ? undefined : Date.now() - time;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
