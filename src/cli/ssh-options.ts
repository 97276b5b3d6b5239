import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { Option } from 'commander';
import { hasCode } from '../errors.ts';
import { sha256File } from '../host/large-file.ts';
import type { Executable } from '../ssh/remote-run.ts';
import { parseTarget, type SshTarget } from '../ssh/target.ts';

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

/** @throws UserError (usage) for a target that is not [USER@]HOST[:PORT] */
export async function targetsFrom(texts: readonly string[]): Promise<SshTarget[]> {
  const config = await sshConfig();
  return [...new Set(texts)].map((text) => parseTarget(text, config));
}

/** This executable, for other hosts to run. */
export async function ownExecutable(): Promise<Executable> {
  const sha256 = await sha256File(process.execPath);
  if (sha256 === undefined) throw new Error(`${process.execPath} has vanished`);
  return { path: process.execPath, sha256 };
}

async function sshConfig(): Promise<string> {
  try {
    return await readFile(`${homedir()}/.ssh/config`, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}
