import { isIP } from 'node:net';
import { z } from 'zod';
import { SUBDOMAIN } from './node-fields.ts';
import { specialAddress } from './special-ranges.ts';

/** Schemas of single fields, which several documents share. */

/** An address by which other hosts reach one. */
export const hostAddressSchema = z
  .string()
  .refine((text) => isIP(text) !== 0, 'is not an IP address')
  .refine((text) => specialAddress(text) === undefined, {
    error: ({ input }) => `${specialAddress(String(input))}: give another, or leave it out`,
  });

export const domainSchema = z.string().max(253).regex(SUBDOMAIN, 'is not a domain such as cluster.local');

export const endpointSchema = z.string().refine((text) => {
  const [, host, port = '1'] = /^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9.-]+)(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  return host !== undefined && host.length <= 253 && Number(port) >= 1 && Number(port) <= 65_535;
}, 'is not HOST or HOST:PORT');

/** A name in a certificate: an address, or a domain whose first part may be `*`. */
export const subjectNameSchema = z
  .string()
  .refine(
    (text) => isIP(text) !== 0 || SUBDOMAIN.test(text.toLowerCase().replace(/^\*\./, '')),
    'is neither an IP address nor a DNS name',
  );

export const portSchema = z.number().int().min(1).max(65_535);

export const absolutePathSchema = z
  .string()
  .regex(/^(\/[^/\0]+)+\/?$|^\/$/, 'is not a path from the root on, such as /etc/kubernetes');

/** Seconds of the units of Go's time.ParseDuration. */
const UNITS: Readonly<Record<string, number>> = {
  h: 3600,
  m: 60,
  s: 1,
  ms: 1e-3,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ns: 1e-9,
};
const DURATION_PART = /(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|μs|ns)/g;

/** Seconds of a Go duration such as 24h0m0s, 90m or 1.5h, none below 0; undefined for what is none. */
export function secondsOf(text: string): number | undefined {
  if (text === '0') return 0;
  if (text === '' || text.replace(DURATION_PART, '') !== '') return undefined;
  const parts = [...text.matchAll(DURATION_PART)];
  const seconds = parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (UNITS[unit] ?? 0), 0);
  // Units of a second's parts are not told apart finer than a millisecond here.
  return Math.round(seconds * 1000) / 1000;
}

/** The same the other way round, as kubeadm writes it: 86400 is 24h0m0s. */
export function durationText(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

export const durationSchema = z
  .string()
  .refine((text) => secondsOf(text) !== undefined, 'is not a duration such as 24h or 90m');

/** One that is longer than nothing. */
export const periodSchema = durationSchema.refine((text) => secondsOf(text) !== 0, 'is no time at all');

/** A repository of images, without a tag: registry.example.org:5000/kubernetes */
export const repositorySchema = z
  .string()
  .regex(
    /^[a-zA-Z0-9.-]+(:[0-9]{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/,
    'is not a repository such as registry.example.org/kubernetes',
  );

export const tagSchema = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'is not the tag of an image');

/** By which the certificates of control planes are encrypted in the cluster. */
export const certificateKeySchema = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'is not a certificate key: 64 hexadecimal digits');

export const tokenSchema = z
  .string()
  .regex(/^[a-z0-9]{6}\.[a-z0-9]{16}$/, 'is not a join token of the form abcdef.0123456789abcdef');

export const caCertHashSchema = z
  .string()
  .regex(/^\s*sha256:[0-9a-f]{64}\s*$/i, 'is not sha256: and 64 hexadecimal digits');

/** A field of kubeadm's that kadm does not act on: to be told, never to be passed over. */
export function notActedOn(why: string): z.ZodOptional<z.ZodNever> {
  return z.never(`kadm does not act on this: ${why}`).optional();
}

/** A field that kadm acts on with one value alone, which is kubeadm's default. */
export function onlyDefault<const T extends string | boolean>(
  value: T,
  why: string,
): z.ZodOptional<z.ZodLiteral<T>> {
  return z.literal(value, `kadm does not act on other values than ${value}: ${why}`).optional();
}

/** The same for a duration, however it is written. */
export function onlyDuration(value: string, why: string): z.ZodOptional<z.ZodString> {
  return z
    .string()
    .refine(
      (text) => secondsOf(text) === secondsOf(value),
      `kadm does not act on other values than ${value}: ${why}`,
    )
    .optional();
}
