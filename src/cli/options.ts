import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { buffer as readBuffer } from 'node:stream/consumers';
import { Option } from 'commander';
import {
  type Configuration,
  DEFAULT_CONFIG_FILE,
  END_OF_FIRST_PART,
  NO_CONFIGURATION,
  parseConfiguration,
} from '../config/documents.ts';
import type { Documents } from '../config/schema.ts';
import { EXIT, hasCode, messageOf, UserError } from '../errors.ts';

/** `--output text|json`, the same for each verb. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'text for people, json for programs (one event a line)')
    .choices(['text', 'json'])
    .default('text');
}

export function configOption(): Option {
  return new Option(
    '--config <file>',
    `configuration documents, - for standard input (default: ${DEFAULT_CONFIG_FILE})`,
  );
}

export function criSocketOption(): Option {
  return new Option(
    '--cri-socket <socket>',
    'the runtime’s socket: unix:///run/containerd/containerd.sock, no other',
  );
}

export function patchesOption(): Option {
  return new Option('--patches <path>', 'folder with patches, such as kube-apiserver+merge.yaml');
}

/** A comma-separated list, as kubeadm takes it; may be given more than once. */
export function listOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string, previous: string[] | undefined) => [
    ...(previous ?? []),
    ...value.split(',').filter((one) => one !== ''),
  ]);
}

export function dryRunOption(): Option {
  return new Option('--dry-run', 'say what would be done, and change nothing');
}

export function skipPhasesOption(): Option {
  return listOption('--skip-phases <ids>', 'phases to leave out');
}

export function ignorePreflightErrorsOption(): Option {
  return listOption('--ignore-preflight-errors <names>', 'checks that shall only warn; all for every one');
}

/** @throws UserError (usage) when a file that was named cannot be read, or is not valid. */
export async function loadDocuments(file: string | undefined): Promise<Documents> {
  return (await loadConfiguration(file)).documents;
}

/** The same, and where in the file each field is. */
export async function loadConfiguration(file: string | undefined): Promise<Configuration> {
  const source = await readSource(file);
  return source === undefined ? NO_CONFIGURATION : parseConfiguration(source.text, source.name);
}

/** The text of a configuration; undefined where none is named and there is none at the usual place. */
export async function readSource(
  file: string | undefined,
): Promise<{ readonly text: string; readonly name: string } | undefined> {
  if (file === '-')
    return { text: utf8(await readBuffer(process.stdin), 'standard input'), name: 'standard input' };
  try {
    return await readNamed(file ?? DEFAULT_CONFIG_FILE);
  } catch (error) {
    if (file === undefined && error instanceof UserError && hasCode(error.cause, 'ENOENT')) return undefined;
    throw error;
  }
}

/** A file that somebody named. @throws UserError (usage) when it cannot be read, or is not text */
export async function readNamed(name: string): Promise<{ readonly text: string; readonly name: string }> {
  let content: Buffer;
  try {
    content = await readFile(name);
  } catch (error) {
    const remedy = 'name a file that can be read';
    throw new UserError(`${name}: ${unreadable(error)}`, { remedy, exitCode: EXIT.usage, cause: error });
  }
  return { text: utf8(content, name), name };
}

function unreadable(error: unknown): string {
  if (hasCode(error, 'ENOENT')) return 'there is no such file';
  if (hasCode(error, 'EISDIR')) return 'is a folder';
  return hasCode(error, 'EACCES') ? 'may not be read' : messageOf(error);
}

/** @throws UserError (usage) naming the first line that is not UTF-8, which readers would else fill with question marks */
function utf8(content: Buffer, name: string): string {
  if (isUtf8(content)) return new TextDecoder().decode(content);
  let [line, start] = [1, 0];
  for (let end = content.indexOf(10); end !== -1; end = content.indexOf(10, start)) {
    if (!isUtf8(content.subarray(start, end))) break;
    [line, start] = [line + 1, end + 1];
  }
  const remedy = 'save it as UTF-8';
  throw new UserError(`${name}:${line}: is not text in UTF-8`, { remedy, exitCode: EXIT.usage });
}

/** Standard input up to a line `...`, and what comes after it until the end. */
export async function configurationInTwo(signal: AbortSignal): Promise<[string, Promise<string>]> {
  const { linesWithHeartbeat } = await import('../fleet/heartbeat.ts');
  const lines = linesWithHeartbeat(process.stdin, signal);
  const take = async (until?: string): Promise<string> => {
    const taken: string[] = [];
    for (let next = await lines.next(); !next.done && next.value !== until; next = await lines.next())
      taken.push(next.value);
    return taken.join('\n');
  };
  const first = await take(END_OF_FIRST_PART);
  const later = take();
  // Who does not ask for it, because it failed before, does not miss it either.
  later.catch(() => {});
  return [first, later];
}

export function ownHostname(): string {
  return hostname();
}

/**
 * The address of this host with the default route, of the cluster's primary family: nothing is sent, the routing table
 * answers. Undefined without such a route.
 * @param serviceCidrs as a flag or a document has them
 */
export async function defaultAddress(serviceCidrs: string | undefined): Promise<string | undefined> {
  const { FAMILY, primaryFamily } = await import('../config/family.ts');
  const { LocalHost } = await import('../host/host.ts');
  const { addressTowards } = await import('../host/network.ts');
  return await addressTowards(new LocalHost(), FAMILY[primaryFamily(serviceCidrs)].anywhere);
}
