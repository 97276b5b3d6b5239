import * as z from 'zod/mini';
import type { Host } from '../host/host.ts';
import type { HostInterface } from './actual.ts';
import { CNI_NETWORK } from './conflist.ts';

/** Where libcni keeps what each plugin answered, one file for each interface of a pod (libcni, "CacheDir"). */
const RESULTS = '/var/lib/cni/results';

const cacheSchema = z.object({
  result: z.object({
    interfaces: z.array(z.object({ name: z.string(), sandbox: z.optional(z.string()) })),
  }),
});

/**
 * Host ends of pods' links that are plugged into nothing, because their bridge was deleted: the runtime plugs a
 * pod in once, when it starts. Where all are plugged in, which is nearly always, nothing is read.
 */
export async function unpluggedPods(host: Host, interfaces: readonly HostInterface[]): Promise<string[]> {
  const loose = interfaces.filter(({ kind, master }) => kind === 'veth' && master === undefined);
  if (loose.length === 0) return [];
  const ours = await podLinks(host);
  return loose.flatMap(({ name }) => (ours.has(name) ? [name] : []));
}

/** Names of the host ends of all pods that run here with our network. */
async function podLinks(host: Host): Promise<ReadonlySet<string>> {
  const files = (await host.list(RESULTS)).filter((name) => name.startsWith(`${CNI_NETWORK}-`));
  const names = files.map(async (name) => hostEnds(await host.readFile(`${RESULTS}/${name}`)));
  return new Set((await Promise.all(names)).flat());
}

/** Interfaces without a sandbox are the host's (CNI specification 1.0.0, section 5). */
export function hostEnds(text: Buffer | undefined): string[] {
  const parsed = cacheSchema.safeParse(parsedJson(text));
  if (!parsed.success) return [];
  return parsed.data.result.interfaces.flatMap(({ name, sandbox = '' }) => (sandbox === '' ? [name] : []));
}

function parsedJson(text: Buffer | undefined): unknown {
  try {
    return JSON.parse(text?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}
