import { isIP } from 'node:net';
import * as z from 'zod/mini';

// With zod/mini, for the agent: it is on every node, and the whole of zod takes 8 MB of memory.

/** A node's addresses, as the kubelet's --node-ip takes them: one, or one of each family with a comma between them. */
export const nodeIPSchema = z.string().check(
  z.refine((text) => {
    const families = text.split(',').map(isIP);
    return families.length <= 2 && !families.includes(0) && families[0] !== families[1];
  }, 'is not an IP address, or one of each family with a comma between them'),
);

export const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** RFC 1123 subdomain, what Kubernetes asks of a node's name. */
export const nodeNameSchema = z
  .string()
  .check(z.maxLength(253), z.regex(SUBDOMAIN, 'is not a node name: small letters, digits, - and . only'));
