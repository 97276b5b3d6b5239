import { Option } from 'commander';
import { sha256File } from '../host/large-file.ts';
import { readSshConfig } from '../ssh/config-file.ts';
import type { Connector } from '../ssh/connector.ts';
import { parseTarget, type SshTarget, type TargetContext } from '../ssh/target.ts';
import type { Executable } from '../ssh/upload.ts';
import type { VerbRun } from './run.ts';

export function sshOption(description: string): Option {
  return new Option('--ssh <[user@]host[:port]>', description).argParser(
    (value: string, previous: string[] | undefined) => [...(previous ?? []), value],
  );
}

export function acceptNewHostKeysOption(): Option {
  return new Option(
    '--accept-new-host-keys',
    'accept and remember the keys of hosts that known_hosts does not list',
  );
}

/** Runs `work` with connections that are closed after it. */
export async function withConnector<T>(
  options: { readonly acceptNewHostKeys?: boolean; readonly retryForMs?: number },
  { signal, questions }: VerbRun,
  work: (connector: Connector) => Promise<T>,
): Promise<T> {
  // ssh2 takes 20 ms to load, and most commands connect to nobody.
  const { Connector } = await import('../ssh/connector.ts');
  const connector = new Connector({
    ...options,
    acceptNewHostKeys: options.acceptNewHostKeys === true,
    signal,
    questions,
  });
  try {
    return await work(connector);
  } finally {
    await connector.close();
  }
}

/** What of this user's settings says how hosts are reached. */
export async function targetContext(): Promise<TargetContext> {
  return { sshConfig: await readSshConfig() };
}

/** @throws UserError (usage) for a target that is not [USER@]HOST[:PORT] */
export async function targetsFrom(texts: readonly string[]): Promise<SshTarget[]> {
  const context = await targetContext();
  return [...new Set(texts)].map((text) => parseTarget(text, context));
}

/** This executable, for other hosts to run. */
export async function ownExecutable(): Promise<Executable> {
  const sha256 = await sha256File(process.execPath);
  if (sha256 === undefined) throw new Error(`${process.execPath} has vanished`);
  return { path: process.execPath, sha256 };
}
