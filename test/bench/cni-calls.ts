/*
 * Run in a lab host: calls CNI plugins as a container runtime does for pods that start all at once (CNI specification
 * 1.0.0, section 4), each in a network namespace of its own, and prints the milliseconds of each pod as JSON.
 *
 * node cni-calls.ts CONFLIST COUNT            makes them, and removes them again
 * node cni-calls.ts CONFLIST NAMESPACE...     makes them, and leaves them
 */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const PLUGINS = '/opt/cni/bin';

interface Conflist {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly { readonly type: string }[];
}

async function call(
  plugin: { readonly type: string },
  command: 'ADD' | 'DEL',
  pod: string,
  prevResult: object | undefined,
): Promise<object | undefined> {
  const CNI_NETNS = `/run/netns/${pod}`;
  const variables = { CNI_COMMAND: command, CNI_CONTAINERID: pod, CNI_NETNS, CNI_IFNAME: 'eth0' };
  const env = { ...process.env, ...variables, CNI_PATH: PLUGINS };
  const { cniVersion, name } = list;
  const child = spawn(`${PLUGINS}/${plugin.type}`, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify({ cniVersion, name, ...plugin, ...(prevResult && { prevResult }) }));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    output += piece;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${plugin.type} ${command} for ${pod}: ${output}`);
  return output === '' ? undefined : (JSON.parse(output) as object);
}

async function add(pod: string): Promise<number> {
  const begun = performance.now();
  let result: object | undefined;
  for (const plugin of list.plugins) result = await call(plugin, 'ADD', pod, result);
  results.set(pod, result);
  return performance.now() - begun;
}

async function remove(pod: string): Promise<void> {
  for (const plugin of list.plugins.toReversed()) await call(plugin, 'DEL', pod, results.get(pod));
}

const [conflist = '', ...words] = process.argv.slice(2);
const list = JSON.parse(readFileSync(conflist, 'utf8')) as Conflist;
const results = new Map<string, object | undefined>();
const count = Number(words[0]);
const pods = Number.isInteger(count) ? Array.from({ length: count }, (_, index) => `cni-${index}`) : words;
for (const pod of pods) execFileSync('ip', ['netns', 'add', pod]);
const times = await Promise.all(pods.map(add));
if (Number.isInteger(count)) {
  for (const pod of pods) {
    await remove(pod);
    execFileSync('ip', ['netns', 'delete', pod]);
  }
}
process.stdout.write(`${JSON.stringify(times)}\n`);
