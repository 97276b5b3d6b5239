import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { accepts } from '../host/network.ts';

const ANSWER_TIMEOUT_MS = 5_000;

/** Where a component says whether it is well. */
export interface Probe {
  readonly scheme: 'HTTP' | 'HTTPS';
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/**
 * Undefined when it says that it is well; else what is amiss. Asks as the kubelet does, without a name of one's own:
 * the answer holds no secret and is believed from this host only, so any certificate will do.
 */
export async function ask({ scheme, host, port, path }: Probe): Promise<string | undefined> {
  // Setting up TLS again and again would take the processor from those that are waited for.
  if (!(await accepts(host, port))) return `nothing listens on port ${port} yet`;
  return await new Promise((resolve) => {
    const options = { host, port, path, timeout: ANSWER_TIMEOUT_MS, agent: false };
    const call =
      scheme === 'HTTPS' ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    call.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? undefined : `it answers ${response.statusCode}`);
    });
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', (error) => resolve(error.message));
    call.end();
  });
}
