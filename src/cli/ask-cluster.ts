import { stringify } from 'yaml';
import { contains, overlaps, parseCidr } from '../config/cidr.ts';
import { DEFAULTS } from '../config/defaults.ts';
import { DEFAULT_CONFIG_FILE } from '../config/documents.ts';
import { expandRange, type HostEntry } from '../config/hosts.ts';
import { messageOf, UserError } from '../errors.ts';
import { factsOf } from '../fleet/check.ts';
import { type HostFacts, problemsOf } from '../fleet/host-facts.ts';
import { onEachHost } from '../fleet/hosts.ts';
import { exists, LocalHost } from '../host/host.ts';
import type { Connector } from '../ssh/connector.ts';
import type { TargetContext } from '../ssh/target.ts';
import { targetOf } from './fleet-hosts.ts';
import { printable } from './printable.ts';
import { asInterruption, atTerminal, prompts } from './questions.ts';
import type { VerbRun } from './run.ts';
import { targetContext, withConnector } from './ssh-options.ts';

const FILE = 'cluster.yaml';

type Role = 'control-plane' | 'worker';
type Ask = Awaited<ReturnType<typeof prompts>>;

/** What the questions have found out. */
interface Answers {
  readonly hosts: readonly HostEntry[];
  readonly podSubnet: string;
  readonly serviceSubnet: string;
}

/** Whether a person is to be asked: no file was named, there is none in the usual place, and somebody is there. */
export async function hasNoFile(file: string | undefined): Promise<boolean> {
  return file === undefined && atTerminal() && !(await exists(DEFAULT_CONFIG_FILE));
}

/**
 * Asks a person at the terminal for the hosts and the network of a cluster, connects to each host at once, and writes
 * the file that says it.
 * @returns the file's name, and whether the cluster is to be made now
 * @throws UserError (interrupted) when the person stops
 */
export async function askForCluster(
  options: { readonly acceptNewHostKeys?: boolean },
  run: VerbRun,
): Promise<{ file: string; now: boolean }> {
  const ask = await prompts();
  try {
    const answers = await withConnector({ ...options, retryForMs: 0 }, run, async (connector) =>
      questions(ask, { connector, context: await targetContext() }),
    );
    const file = await writeFile(ask, clusterText(answers));
    const message = 'Make the cluster now?';
    const { now } = await ask([{ type: 'confirm', name: 'now', message, default: true }]);
    return { file, now };
  } catch (error) {
    throw asInterruption(error);
  }
}

interface Reach {
  readonly connector: Connector;
  readonly context: TargetContext;
}

async function questions(ask: Ask, reach: Reach): Promise<Answers> {
  say('A cluster is made of machines that this one reaches over SSH.');
  const first = await hosts(ask, reach, 'control-plane', 'Control plane, as [user@]host[:port]:');
  const workers = await hosts(ask, reach, 'worker', 'Workers, such as 10.0.0.[11-40] (empty for none):');
  const found = [...first, ...workers];
  const addresses = found.flatMap(({ facts }) => facts.addresses.map(bareAddress));
  const podSubnet = await network(ask, 'Network of the pods:', DEFAULTS.podCidr, addresses);
  const services = await network(ask, 'Network of the Services:', DEFAULTS.serviceCidr, [
    ...addresses,
    podSubnet,
  ]);
  return { hosts: found.map(({ entry }) => entry), podSubnet, serviceSubnet: services };
}

interface Found {
  readonly entry: HostEntry;
  readonly facts: HostFacts;
}

/** Asks until every host that was named answers. */
async function hosts(ask: Ask, reach: Reach, role: Role, message: string): Promise<Found[]> {
  for (;;) {
    const { answer } = await ask([{ type: 'input', name: 'answer', message }]);
    const words: string[] = String(answer)
      .trim()
      .split(/[\s,]+/);
    if (words[0] === '' && role === 'worker') return [];
    if (words[0] === '') continue;
    try {
      const entries = words.flatMap((word) => entriesOf(word, role));
      if (role === 'worker' || entries.length === 1) return await reachAll(entries, reach, role);
      say('One here: with a controlPlaneEndpoint, more can be added to the file that is written.');
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(error.message);
      if (error.remedy !== undefined) say(`  ${error.remedy}`);
    }
  }
}

/** [user@]host[:port], of which the host may be a range. */
function entriesOf(word: string, role: Role): HostEntry[] {
  const [, user, address = '', port] = /^(?:([^@]+)@)?(.+?)(?::(\d{1,5}))?$/.exec(word) ?? [];
  return expandRange(address).map((one) => ({
    address: one,
    ...(role === 'control-plane' ? { role } : {}),
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
  }));
}

/** @throws UserError naming the hosts that do not answer */
async function reachAll(entries: readonly HostEntry[], reach: Reach, role: Role): Promise<Found[]> {
  const found = new Map<string, Found>();
  const byName = new Map(entries.map((entry) => [entry.address, entry]));
  const results = await onEachHost([...byName.keys()], { emit: () => {}, verb: 'ask' }, async (name) => {
    const entry = byName.get(name);
    if (entry === undefined) throw new Error(`no entry ${name}`);
    const facts = await factsOf(targetOf(entry, reach.context), reach.connector);
    found.set(name, { entry, facts });
    say(
      `  ${name}: ${facts.os}, ${facts.cpus} processors, ${facts.memoryMiB} MiB, ${facts.addresses.join(', ')}`,
    );
    for (const problem of problemsOf(facts, role)) say(`  ${name}: ${problem}`);
  });
  const failed = results.flatMap((result) => (result.ok ? [] : [messageOf(result.error)]));
  if (failed.length > 0) throw new UserError(failed.join('\n'));
  return entries.flatMap(({ address }) => found.get(address) ?? []);
}

async function network(ask: Ask, message: string, usual: string, taken: readonly string[]): Promise<string> {
  const validate = (text: string): true | string => problemOfNetwork(text.trim(), taken) ?? true;
  const { answer } = await ask([{ type: 'input', name: 'answer', message, default: usual, validate }]);
  return answer.trim();
}

/** `eth0 10.0.0.7/24` */
function bareAddress(text: string): string {
  return text.split(' ')[1]?.split('/')[0] ?? '';
}

/**
 * Why a network cannot be that of pods or Services; undefined when it can.
 * @param taken addresses of hosts, and networks that are given away already
 */
export function problemOfNetwork(text: string, taken: readonly string[]): string | undefined {
  try {
    const cidr = parseCidr(text);
    const used = taken.find((one) =>
      one.includes('/') ? overlaps(cidr, parseCidr(one)) : contains(cidr, one),
    );
    return used === undefined ? undefined : `${text} overlaps with ${used}, which is in use`;
  } catch (error) {
    return messageOf(error);
  }
}

function clusterText({ hosts: entries, podSubnet, serviceSubnet }: Answers): string {
  const cluster = { apiVersion: 'kadm.io/v1', kind: 'Cluster', spec: { hosts: entries } };
  const networks = {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'ClusterConfiguration',
    networking: { podSubnet, serviceSubnet },
  };
  return [cluster, networks].map((document) => stringify(document)).join('---\n');
}

async function writeFile(ask: Ask, text: string): Promise<string> {
  say(`\n${text}`);
  const message = 'Write this to:';
  const { answer: path } = await ask([{ type: 'input', name: 'answer', message, default: FILE }]);
  if (await exists(path)) {
    const again = `${path} is there already. Replace it?`;
    const { answer: yes } = await ask([{ type: 'confirm', name: 'answer', message: again, default: false }]);
    if (!yes) return await writeFile(ask, text);
  }
  await new LocalHost().writeFile(path, text, { mode: 0o600 });
  return path;
}

function say(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}
