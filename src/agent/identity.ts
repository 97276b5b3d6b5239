import { X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, messageOf } from '../errors.ts';
import { LocalHost } from '../host/host.ts';
import { KubeClient } from '../kube/client.ts';
import type { Log } from './log.ts';
import type { AgentSettings } from './settings.ts';

/** A certificate is renewed when less than this part of its life is left. */
const RENEW_BELOW = 0.3;
const FIRST_RETRY_MS = 1_000;
/** A renewal has months; it need not press. */
const RENEWAL_RETRY_MS = 600_000;
/** Looked at again at least this often: timers of more than 24 days do not exist in Node. */
const LONGEST_SLEEP_MS = 12 * 3_600_000;

/** What this agent shows to the API server: certificate and key in one file. */
export interface Identity {
  readonly pem: string;
}

/**
 * The identity of this node's agent: the one on disk while it is valid, else a new one, asked for until it comes.
 * Undefined only when the signal ends the wait.
 */
export async function ensureIdentity(
  settings: AgentSettings,
  signal: AbortSignal,
  log: Log,
): Promise<Identity | undefined> {
  const present = await readIdentity(settings.identityFile);
  if (present !== undefined && validFor(present.pem, Date.now()) > 0) return present;
  return await obtain(settings, signal, log, FIRST_RETRY_MS);
}

/** Resolves once a new identity is on disk in place of an ageing one, or the signal comes. */
export async function renewWhenDue(
  settings: AgentSettings,
  { pem }: Identity,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  for (;;) {
    const pause = Math.min(renewalDue(pem, Date.now()), LONGEST_SLEEP_MS);
    if (pause <= 0) break;
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
  await obtain(settings, signal, log, RENEWAL_RETRY_MS);
}

/** Milliseconds until the certificate should be renewed; negative when that is past. */
export function renewalDue(pem: string, now: number): number {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  const life = validToDate.getTime() - validFromDate.getTime();
  return validToDate.getTime() - life * RENEW_BELOW - now;
}

/** A client of the API in the name of this node's agent. */
export async function clientAs({ pem }: Identity, settings: AgentSettings): Promise<KubeClient> {
  const caPem = await readFile(settings.caFile, 'utf8');
  return new KubeClient({ server: settings.server, caPem, certPem: pem, keyPem: pem });
}

function validFor(pem: string, now: number): number {
  return new X509Certificate(pem).validToDate.getTime() - now;
}

async function obtain(
  settings: AgentSettings,
  signal: AbortSignal,
  log: Log,
  retryMs: number,
): Promise<Identity | undefined> {
  // Needed once a year: what makes certificates is not kept in memory for it.
  const { newIdentity } = await import('./new-identity.ts');
  while (!signal.aborted) {
    try {
      log('info', 'getting a certificate for this agent', { service: 'identity', node: settings.nodeName });
      const pem = await newIdentity(settings, signal);
      await mkdir(dirname(settings.identityFile), { recursive: true, mode: 0o700 });
      await new LocalHost().writeFile(settings.identityFile, pem, { mode: 0o600 });
      return { pem };
    } catch (error) {
      if (signal.aborted) return undefined;
      log('error', messageOf(error), { service: 'identity' });
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

/** Undefined where there is none, or what is there is no certificate. */
async function readIdentity(path: string): Promise<Identity | undefined> {
  try {
    const pem = await readFile(path, 'utf8');
    new X509Certificate(pem);
    return { pem };
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ERR_OSSL_PEM_NO_START_LINE')) return undefined;
    throw error;
  }
}
