import type { Emit } from '../phases/events.ts';
import type { Connector } from '../ssh/connector.ts';
import { asRoot } from '../ssh/privilege.ts';
import type { SshTarget } from '../ssh/target.ts';
import { FACTS_SCRIPT, factsIn, type HostFacts, problemsOf, twins } from './host-facts.ts';
import { type HostResult, onEachHost } from './hosts.ts';

const TIMEOUT_MS = 30_000;

export interface CheckedHost {
  readonly host: string;
  readonly role: 'control-plane' | 'worker';
  readonly facts: HostFacts;
  /** What would stop a join; empty when nothing would. */
  readonly problems: readonly string[];
}

/** Connects to all hosts and looks at them. Nothing is changed there. */
export async function checkHosts(
  hosts: readonly { readonly role: CheckedHost['role']; readonly target: SshTarget }[],
  { connector, emit }: { readonly connector: Connector; readonly emit: Emit },
): Promise<{ checked: CheckedHost[]; results: HostResult[] }> {
  const found: { host: string; role: CheckedHost['role']; facts: HostFacts }[] = [];
  const byName = new Map(hosts.map((host) => [host.target.name, host]));
  const results = await onEachHost([...byName.keys()], { emit, verb: 'check' }, async (name, emitOfHost) => {
    const host = byName.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    const tell = (message: string): void => emitOfHost({ type: 'progress', path: [], message });
    found.push({ host: name, role: host.role, facts: await factsOf(host.target, connector, tell) });
  });
  const same = twins(found);
  const checked = found
    .map((one) => ({ ...one, problems: [...problemsOf(one.facts, one.role), ...(same.get(one.host) ?? [])] }))
    .sort((a, b) => [...byName.keys()].indexOf(a.host) - [...byName.keys()].indexOf(b.host));
  return { checked, results };
}

/** @throws UserError: unreachable, not let in, no root there */
export async function factsOf(
  target: SshTarget,
  connector: Connector,
  tell: (message: string) => void = () => {},
): Promise<HostFacts> {
  const connection = await connector.open(target, tell);
  try {
    const root = await asRoot(connection, connector.credentials);
    const before = Date.now();
    const { stdout } = await root.exec(['sh', '-c', FACTS_SCRIPT], { timeoutMs: TIMEOUT_MS });
    return factsIn(stdout, (before + Date.now()) / 2);
  } finally {
    connection.close();
  }
}
