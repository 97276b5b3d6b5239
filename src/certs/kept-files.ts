import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { STATE_DIRECTORY } from '../phases/ledger.ts';

/** One file, so that it is there as a whole or not at all, whenever the machine stops. */
const PATH = `${STATE_DIRECTORY}/renewal.json`;

const schema = z.object({
  /** The certificates that are being renewed. */
  names: z.array(z.string()),
  files: z.array(z.object({ path: z.string().startsWith('/'), content: z.string(), mode: z.number() })),
});

export type KeptFiles = z.infer<typeof schema>;

/** Keeps files as they are now, durably, until whatever uses the new ones is healthy. */
export async function keepFiles(
  host: Host,
  names: readonly string[],
  paths: readonly string[],
): Promise<KeptFiles> {
  const files: KeptFiles['files'] = [];
  for (const path of paths) {
    const [content, stat] = [await host.readFile(path), await host.stat(path)];
    if (content === undefined || stat === undefined) continue;
    files.push({ path, content: content.toString('utf8'), mode: stat.mode & 0o7777 });
  }
  const kept = { names: [...names], files };
  await host.writeFile(PATH, JSON.stringify(kept), { mode: 0o600 });
  return kept;
}

/** What a renewal kept that did not come to its end; undefined when none was cut short. */
export async function keptFiles(host: Host): Promise<KeptFiles | undefined> {
  const text = (await host.readFile(PATH))?.toString('utf8');
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(`${PATH} is not what a renewal of certificates keeps`, {
      remedy: 'look at what it holds, and remove it',
      cause: error,
    });
  }
}

export async function putBack(host: Host, { files }: KeptFiles): Promise<void> {
  await host.writeFiles(
    files.map(({ path, content, mode }) => ({ path, content, attributes: { mode, uid: 0, gid: 0 } })),
  );
}

export async function dropKept(host: Host): Promise<void> {
  await host.removeFile(PATH);
}
