import { EXIT, UserError } from '../errors.ts';
import { type Cidr, overlaps, parseCidr } from './cidr.ts';
import { DEFAULTS } from './defaults.ts';
import { cidrListSchema, endpointSchema } from './schema.ts';

/** Readers of single values, from flags and documents alike. What they refuse is wrong usage, by the flag's name. */

/** `host:port`, with the API server's usual port where none is given. */
export function endpointWithPort(endpoint: string): string {
  return /^(\[.*\]|[^:]*):\d+$/.test(endpoint) ? endpoint : `${endpoint}:${DEFAULTS.apiPort}`;
}

export function cidrs(flag: string, text: string): Cidr[] {
  const checked = cidrListSchema.safeParse(text);
  if (!checked.success) throw usage(`${flag}: ${firstIssue(checked.error)}`);
  return text.split(',').map((part) => parseCidr(part.trim()));
}

export function checkEndpoint(flag: string, text: string): void {
  const checked = endpointSchema.safeParse(text);
  if (!checked.success) throw usage(`${flag}: ${JSON.stringify(text)} ${firstIssue(checked.error)}`);
}

export function refuseOverlap(pods: readonly Cidr[], services: readonly Cidr[]): void {
  for (const pod of pods) {
    for (const service of services) {
      if (!overlaps(pod, service)) continue;
      throw usage(
        `--pod-network-cidr ${pod.text} and --service-cidr ${service.text} overlap`,
        'choose two networks that share no address, such as 10.244.0.0/16 and 10.96.0.0/12',
      );
    }
  }
}

export function port(flag: string, text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535)
    throw usage(`${flag}: ${text} is not a port number`);
  return number;
}

/** Seconds of a Go duration such as 24h0m0s or 90m; 0 means without end. */
export function duration(flag: string, text: string): number {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
  if (text === '0') return 0;
  if (match === null || text === '')
    throw usage(`${flag}: ${JSON.stringify(text)} is not a duration such as 24h or 90m`);
  const [, hours = '0', minutes = '0', seconds = '0'] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** Seconds as Go writes a duration: 8760h0m0s. */
export function goDuration(seconds: number): string {
  return `${Math.floor(seconds / 3600)}h${Math.floor(seconds / 60) % 60}m${seconds % 60}s`;
}

export function firstIssue(error: { issues: readonly { message: string }[] }): string {
  return error.issues[0]?.message ?? 'is not valid';
}

export function usage(message: string, remedy?: string): UserError {
  return new UserError(message, { exitCode: EXIT.usage, ...(remedy === undefined ? {} : { remedy }) });
}
