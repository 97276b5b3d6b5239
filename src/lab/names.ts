import { createHash } from 'node:crypto';
import { EXIT, UserError } from '../errors.ts';

/** The name of a lab that was given none. */
export const DEFAULT_LAB = 'lab';

/** IFNAMSIZ of the kernel is 16 with the closing zero. */
const MAX_INTERFACE_NAME = 15;

/**
 * Checks a lab's name: it becomes part of namespace, cgroup and folder names. One that ends like a host's
 * (`-h1`) is refused, so that a namespace `kadm-a-h1` belongs to lab `a` and to no other.
 * @throws UserError (usage)
 */
export function parseLabName(text: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(text) && !/-h[0-9]+$/.test(text)) return text;
  throw new UserError(`${JSON.stringify(text)} cannot be the name of a lab`, {
    remedy: 'use up to 32 small letters, digits and -, not ending in -h and a number',
    exitCode: EXIT.usage,
  });
}

/** h1, h2, ...: what hosts are called, also by themselves. */
export function hostName(index: number): string {
  return `h${index}`;
}

/** Network namespace of a lab (its bridge), or of one of its hosts. */
export function netnsName(lab: string, host?: string): string {
  return host === undefined ? `kadm-${lab}` : `kadm-${lab}-${host}`;
}

/** runc's name for the container that a host is. */
export function containerId(lab: string, host: string): string {
  return `kadm-${lab}-${host}`;
}

/** The machine's own network interface into a lab: `kadm-NAME`, or a digest of a name too long for that. */
export function interfaceName(lab: string): string {
  const plain = `kadm-${lab}`;
  if (plain.length <= MAX_INTERFACE_NAME) return plain;
  const digest = createHash('sha256').update(lab).digest('hex');
  return `kadm-${digest}`.slice(0, MAX_INTERFACE_NAME);
}

/** Whether a network namespace is one of this lab's. */
export function isNetnsOf(lab: string, netns: string): boolean {
  return netns === netnsName(lab) || hostOf(lab, netns) !== undefined;
}

/** The host that a namespace or a container of this lab stands for. */
export function hostOf(lab: string, name: string): string | undefined {
  const prefix = `kadm-${lab}-`;
  const host = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^h[0-9]+$/.test(host) ? host : undefined;
}
