import ssh2, { type BaseAgent as Agent, type AnyAuthMethod, type ParsedKey } from 'ssh2';
import type { Credentials, KeyFile } from './credentials.ts';
import type { SshTarget } from './target.ts';

/** Called by ssh2 for each next attempt: what the server still takes, null before it has said. */
export type NextAttempt = (left: readonly string[] | null) => Promise<AnyAuthMethod | false>;

/**
 * The ways to be let in, in OpenSSH's order: the agent's keys, key files, and at last what a person has to be
 * asked for. A key with a passphrase comes after all others, and not at all where the agent has it.
 */
export function authentication(target: SshTarget, credentials: Credentials): NextAttempt {
  let left: readonly string[] | null = null;
  const takes = (method: string): boolean => left === null || left.includes(method);
  const attempts = attemptsFor(target, credentials, takes);
  return async (now) => {
    left = now;
    const { value, done } = await attempts.next();
    return done === true ? false : value;
  };
}

async function* attemptsFor(
  target: SshTarget,
  credentials: Credentials,
  takes: (method: string) => boolean,
): AsyncGenerator<AnyAuthMethod, undefined> {
  const username = target.user;
  // Asks what the server takes, so that nothing is tried, or asked for, in vain.
  yield { type: 'none', username };
  const found = await Promise.all(target.identityFiles.map((path) => credentials.keyFile(path)));
  const files = found.filter((file) => file !== undefined);
  if (takes('publickey')) {
    const agent = target.agent === undefined ? undefined : new OrderedAgent(target.agent, files, target);
    if (agent !== undefined) yield { type: 'agent', username, agent: agent as unknown as Agent };
    for (const file of [...files].sort((a, b) => Number(a.encrypted) - Number(b.encrypted))) {
      if (!takes('publickey')) break;
      if (file.publicKey !== undefined && agent?.has(file.publicKey) === true) continue;
      const key = await credentials.key(file.path);
      if (key !== undefined) yield { type: 'publickey', username, key: key as never };
    }
  }
  yield* passwords(target, credentials, takes);
  return undefined;
}

/** What a host asks of a person. keyboard-interactive is how most hosts ask for a password. */
async function* passwords(
  target: SshTarget,
  credentials: Credentials,
  takes: (method: string) => boolean,
): AsyncGenerator<AnyAuthMethod> {
  const username = target.user;
  for (let refused = 0; takes('password') || takes('keyboard-interactive'); refused += 1) {
    const password = await credentials.password(target, refused);
    if (password === undefined) return;
    credentials.letIn(target, password);
    if (takes('password')) yield { type: 'password', username, password };
    else yield { type: 'keyboard-interactive', username, prompt: answering(target, credentials, password) };
  }
}

type Prompt = (
  name: string,
  instructions: string,
  lang: string,
  prompts: readonly { readonly prompt: string }[],
  finish: (answers: string[]) => void,
) => void;

function answering(target: SshTarget, credentials: Credentials, password: string): Prompt {
  return (_name, _instructions, _lang, prompts, finish) => {
    const answers = prompts.map(async ({ prompt }) =>
      /password/i.test(prompt) || prompts.length === 1
        ? password
        : ((await credentials.answer(target, prompt)) ?? ''),
    );
    Promise.all(answers).then(finish, () => finish([]));
  };
}

/**
 * The SSH agent, showing the keys that belong to the identity files first, and with IdentitiesOnly no others: a
 * server ends the connection after a few keys that it does not know.
 */
class OrderedAgent extends ssh2.BaseAgent {
  readonly #agent: Agent;
  readonly #order: readonly string[];
  readonly #only: boolean;
  readonly #keys = new Set<string>();

  constructor(socket: string, files: readonly KeyFile[], { identitiesOnly }: SshTarget) {
    super();
    this.#agent = ssh2.createAgent(socket) as Agent;
    this.#order = files.flatMap(({ publicKey }) => publicKey ?? []);
    this.#only = identitiesOnly;
  }

  /** Whether it has shown this key (base64 of the wire format) to the server. */
  has(publicKey: string): boolean {
    return this.#keys.has(publicKey);
  }

  override getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    this.#agent.getIdentities((error, keys) => {
      if (error) return done(error);
      const blob = (key: ParsedKey): string => key.getPublicSSH().toString('base64');
      const all = (keys ?? []) as unknown as ParsedKey[];
      const own = this.#order.flatMap((one) => all.filter((key) => blob(key) === one));
      const shown = this.#only ? own : [...own, ...all.filter((key) => !own.includes(key))];
      for (const key of shown) this.#keys.add(blob(key));
      done(undefined, shown);
    });
  }

  override sign(...args: unknown[]): void {
    (this.#agent.sign as (...all: unknown[]) => void).apply(this.#agent, args);
  }
}
