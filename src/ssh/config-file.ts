import { glob } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readOptional } from './known-hosts-file.ts';

const MAX_DEPTH = 16;

/**
 * The text of ~/.ssh/config, and after it of /etc/ssh/ssh_config, which speaks last, with the files that they
 * include put in their places (ssh_config(5)).
 */
export async function readSshConfig(home: string = homedir(), system = '/etc/ssh'): Promise<string> {
  const own = await withIncludes(await readOptional(`${home}/.ssh/config`), `${home}/.ssh`, home);
  const all = await withIncludes(await readOptional(`${system}/ssh_config`), system, home);
  return `${own}\nHost *\n${all}`;
}

/**
 * @param folder what relative paths of Include start from
 */
async function withIncludes(
  text: string | undefined,
  folder: string,
  home: string,
  depth = 0,
): Promise<string> {
  const lines: string[] = [];
  let section = 'Host *';
  for (const line of (text ?? '').split('\n')) {
    const [, keyword = '', rest = ''] = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
    if (/^(host|match)$/i.test(keyword)) section = line;
    if (keyword.toLowerCase() !== 'include') {
      lines.push(line);
      continue;
    }
    if (depth === MAX_DEPTH) continue;
    for (const path of await filesOf(rest, folder, home))
      lines.push(await withIncludes(await readOptional(path), folder, home, depth + 1));
    // A section of an included file ends with it.
    lines.push(section);
  }
  return lines.join('\n');
}

async function filesOf(patterns: string, folder: string, home: string): Promise<string[]> {
  const words = [...patterns.matchAll(/"([^"]+)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
  const found: string[] = [];
  for (const word of words) {
    const path = word.replace(/^~(?=\/)/, home);
    const files: string[] = [];
    for await (const file of glob(path.startsWith('/') ? path : join(folder, path))) files.push(file);
    found.push(...files.sort());
  }
  return found;
}
