import { EXIT, UserError } from '../errors.ts';
import { DEFAULTS } from './defaults.ts';
import { absolutePathSchema, certificateKeySchema, endpointSchema, portSchema, secondsOf } from './fields.ts';
import { bindPortSchema } from './ports.ts';
import type { Documents } from './schema.ts';

/** Readers of single values, from flags and documents alike. What they refuse is wrong usage, by the flag's name. */

/**
 * What its user calls a setting: the flag where that was given, or where no file describes a cluster; else the field.
 * @param field Kind.path
 * @param given the flag's value
 */
export function settingName(
  flag: string,
  field: string,
  given: string | undefined,
  documents: Documents,
): string {
  // One that says only where components come from, as /etc/kadm/config.yaml may, leaves the cluster to flags.
  const kinds: string[] = ['InitConfiguration', 'ClusterConfiguration', ...field.split('.').slice(0, 1)];
  return given === undefined && Object.keys(documents).some((kind) => kinds.includes(kind)) ? field : flag;
}

/** `host:port`, with the API server's usual port where none is given. */
export function endpointWithPort(endpoint: string): string {
  return /^(\[.*\]|[^:]*):\d+$/.test(endpoint) ? endpoint : `${endpoint}:${DEFAULTS.apiPort}`;
}

/** The host of HOST or HOST:PORT, an IPv6 address without its brackets. */
export function hostOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

/** @throws UserError (usage) */
export function absolutePath(flag: string, text: string): string {
  if (absolutePathSchema.safeParse(text).success) return text;
  throw usage(`${flag}: ${JSON.stringify(text)} is not a path from the root on`, 'begin it with /');
}

export function checkEndpoint(flag: string, text: string): void {
  const checked = endpointSchema.safeParse(text);
  if (!checked.success) throw usage(`${flag}: ${JSON.stringify(text)} ${firstIssue(checked.error)}`);
}

/** @throws UserError (usage) for what is no certificate key; it is not echoed */
export function checkCertificateKey(text: string): void {
  if (certificateKeySchema.safeParse(text).success) return;
  throw usage('--certificate-key is not 64 hexadecimal digits', '`kadm certs certificate-key` makes one');
}

/** The port of an API server. @throws UserError (usage) */
export function bindPort(flag: string, text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !portSchema.safeParse(number).success)
    throw usage(`${flag}: ${text} is not a port number`);
  const checked = bindPortSchema.safeParse(number);
  if (!checked.success) throw usage(`${flag}: ${firstIssue(checked.error)}`);
  return number;
}

/** Seconds of a Go duration such as 24h0m0s or 90m; 0 means without end. */
export function duration(flag: string, text: string): number {
  const seconds = secondsOf(text);
  if (seconds === undefined)
    throw usage(`${flag}: ${JSON.stringify(text)} is not a duration such as 24h or 90m`);
  return seconds;
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
