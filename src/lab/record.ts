import { mkdir } from 'node:fs/promises';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { LocalHost } from '../host/host.ts';
import { hostName } from './names.ts';
import { labPaths, STATE_ROOT } from './paths.ts';

/** As many hosts as fit into the addresses .11 to .250 of a lab's subnet. */
export const MAX_NODES = 240;

const FIRST_HOST = 11;

/** fd, and kadm in ASCII. */
const ULA_PREFIX = 'fd6b:6164:6d00';

const recordSchema = z.strictObject({
  name: z.string(),
  /** Third number of 192.168.N.0/24. */
  subnet: z.number().int().min(77).max(254),
  nodes: z.number().int().min(1).max(MAX_NODES),
  /** The root filesystem under every host's own layer. */
  rootfs: z.string().startsWith('/'),
  /** The executable that hosts have as /usr/local/bin/kadm. */
  tools: z.string().startsWith('/').optional(),
  /** The component store that hosts see. */
  store: z.string().startsWith('/').optional(),
});

/**
 * What a lab is made of, written before any of it is made: whatever happens then, `lab down` knows what to
 * look for. lab.json in the lab's folder.
 */
export type LabRecord = z.infer<typeof recordSchema>;

export interface HostAddress {
  readonly name: string;
  readonly address: string;
  /** Beside it, where the kernel has IPv6. */
  readonly ipv6: string;
}

/** @throws UserError when the text is not the record of a lab. */
export function parseRecord(text: string, path: string): LabRecord {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(`${path} is not the record of a lab`, {
      remedy: 'remove the lab with `kadm lab down`: it finds what the lab is made of by name as well',
      cause: error,
    });
  }
}

export function gatewayOf(record: Pick<LabRecord, 'subnet'>): string {
  return `192.168.${record.subnet}.1`;
}

export function hostsOf(record: Pick<LabRecord, 'subnet' | 'nodes'>): HostAddress[] {
  return Array.from({ length: record.nodes }, (_, index) => ({
    name: hostName(index + 1),
    address: `192.168.${record.subnet}.${FIRST_HOST + index}`,
    // A unique local address (RFC 4193), whose last parts read as those of the other.
    ipv6: `${ULA_PREFIX}:${record.subnet}::${FIRST_HOST + index}`,
  }));
}

/** @throws UserError when there is a record but it cannot be read. */
export async function readRecord(lab: string): Promise<LabRecord | undefined> {
  const path = labPaths(lab).record;
  const text = await new LocalHost().readFile(path);
  return text === undefined ? undefined : parseRecord(text.toString('utf8'), path);
}

/** The same for a lab that is only looked at: a record that cannot be read counts as none. */
export async function readRecordIfWhole(lab: string): Promise<LabRecord | undefined> {
  try {
    return await readRecord(lab);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

export async function writeRecord(record: LabRecord): Promise<void> {
  const paths = labPaths(record.name);
  await mkdir(paths.directory, { recursive: true, mode: 0o700 });
  await new LocalHost().writeFile(paths.record, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
}

/** Names of the labs that have a folder, whole or not. */
export async function labNames(): Promise<string[]> {
  const host = new LocalHost();
  const entries = await host.list(STATE_ROOT);
  const stats = await Promise.all(entries.map((entry) => host.stat(`${STATE_ROOT}/${entry}`)));
  return entries.filter((_, index) => stats[index]?.isDirectory());
}
