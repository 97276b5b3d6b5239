import { homedir } from 'node:os';
import SSHConfig from 'ssh-config';
import { EXIT, UserError } from '../errors.ts';

/** Where and as whom to connect. */
export interface SshTarget {
  /** What the user wrote: the name of this host in messages. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identityFiles: readonly string[];
  /** Of the agent's keys only those that belong to the identity files. */
  readonly identitiesOnly: boolean;
  /** Socket of the SSH agent; undefined for none. */
  readonly agent: string | undefined;
  readonly knownHostsFiles: readonly string[];
  /** The name in known_hosts, where it is another one than the host's. */
  readonly hostKeyAlias: string | undefined;
  /** What to do with a host that known_hosts does not list. A changed key is refused whatever this says. */
  readonly unknownHostKey: 'ask' | 'refuse' | 'accept';
  /** Whether names are hashed when they are added to known_hosts. */
  readonly hashKnownHosts: boolean;
  /** The hosts on the way, the nearest first. */
  readonly jumps: readonly SshTarget[];
  /** Whether the user becomes root by sudo. */
  readonly sudo: boolean;
}

export interface TargetContext {
  /** Text of ~/.ssh/config. */
  readonly sshConfig: string;
  readonly home?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const DEFAULT_IDENTITIES = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const FORM = /^(?:([^@\s]+)@)?(\[[0-9a-fA-F:.]+\]|[^@:\s/-][^@:\s/]*)(?::(\d{1,5}))?$/;

/**
 * Reads [user@]host[:port] and completes it from the text of ~/.ssh/config.
 * @throws UserError (usage) when the text is not of that form.
 */
export function parseTarget(text: string, context: TargetContext): SshTarget {
  return resolve(text, context, []);
}

/**
 * The hosts of a ProxyJump, `[user@]host[:port],...`, each with its own settings and the first with the jumps
 * that it needs itself.
 */
export function parseJumps(
  text: string,
  context: TargetContext,
  before: readonly string[] = [],
): SshTarget[] {
  const [first, ...others] = text.split(',').map((part) => part.trim().replace(/^ssh:\/\//, ''));
  if (first === undefined) return [];
  const { jumps, ...nearest } = resolve(first, context, before);
  const further = others.map((other) => ({ ...resolve(other, context, before), jumps: [] }));
  return [...jumps, { ...nearest, jumps: [] }, ...further];
}

/** @param before the hosts whose way this one is on: `Host *` with a ProxyJump must not send it in a circle */
function resolve(text: string, context: TargetContext, before: readonly string[]): SshTarget {
  const { home = homedir(), env = process.env } = context;
  const [, user, bracketed, port] = FORM.exec(text) ?? [];
  const alias = bracketed?.replace(/^\[|\]$/g, '');
  if (alias === undefined) {
    throw new UserError(`--ssh ${JSON.stringify(text)} is not [USER@]HOST[:PORT]`, {
      remedy: 'write for example --ssh root@10.0.0.2',
      exitCode: EXIT.usage,
    });
  }
  const config = SSHConfig.parse(canonical(context.sshConfig)).compute(
    { Host: alias, ...(user === undefined ? {} : { User: user }) },
    { ignoreCase: true, matchExec: false },
  );
  const many = (key: string): string[] => [config[key] ?? []].flat();
  const one = (key: string): string | undefined => many(key)[0];
  const host = (one('hostname') ?? alias).replaceAll('%h', alias);
  const own = {
    name: text,
    host,
    port: Number(port ?? one('port') ?? 22),
    user: user ?? one('user') ?? 'root',
  };
  const expand = (path: string): string => expandPath(path, { ...own, alias, home });
  const identities = many('identityfile').map(expand);
  const knownHosts = [...many('userknownhostsfile'), ...many('globalknownhostsfile')];
  const jump = one('proxyjump');
  const path = [...before, alias];
  const way = jump === undefined || jump.toLowerCase() === 'none' ? [] : jump.split(',').map(aliasOf);
  const circle = way.some((one) => path.includes(one));
  return {
    ...own,
    identityFiles:
      identities.length > 0 ? identities : DEFAULT_IDENTITIES.map((file) => `${home}/.ssh/${file}`),
    identitiesOnly: isYes(one('identitiesonly')),
    agent: agentOf(one('identityagent'), env, expand),
    knownHostsFiles:
      knownHosts.length > 0
        ? knownHosts.flatMap((value) => value.split(/\s+/).map(expand))
        : [`${home}/.ssh/known_hosts`, `${home}/.ssh/known_hosts2`, '/etc/ssh/ssh_known_hosts'],
    hostKeyAlias: one('hostkeyalias'),
    unknownHostKey: unknownHostKey(one('stricthostkeychecking')),
    hashKnownHosts: isYes(one('hashknownhosts')),
    jumps: way.length === 0 || circle ? [] : parseJumps(jump ?? '', context, [...path, ...way]),
    sudo: true,
  };
}

/** `Match host` and `Match user` go by what came before them, which ssh-config takes only in this spelling. */
function canonical(sshConfig: string): string {
  return sshConfig
    .replace(/^(\s*)hostname(?=[\s=])/gim, '$1HostName')
    .replace(/^(\s*)user(?=[\s=])/gim, '$1User');
}

function aliasOf(text: string): string {
  return FORM.exec(text.trim().replace(/^ssh:\/\//, ''))?.[2] ?? text;
}

/** `~` and the tokens of ssh_config(5) that matter for files. */
export function expandPath(
  path: string,
  { home, ...target }: { home: string; host?: string; alias?: string; user?: string; port?: number },
): string {
  const tokens: Readonly<Record<string, string>> = {
    '%%': '%',
    '%d': home,
    '%h': target.host ?? '',
    '%n': target.alias ?? '',
    '%r': target.user ?? '',
    '%p': String(target.port ?? ''),
  };
  return path.replace(/^~(?=\/|$)/, home).replace(/%[%dhnrp]/g, (token) => tokens[token] ?? token);
}

function isYes(value: string | undefined): boolean {
  return value?.toLowerCase() === 'yes';
}

function agentOf(
  configured: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  expand: (path: string) => string,
): string | undefined {
  if (configured === 'none') return undefined;
  const own = env.SSH_AUTH_SOCK === '' ? undefined : env.SSH_AUTH_SOCK;
  if (configured === undefined || configured === 'SSH_AUTH_SOCK') return own;
  return configured.startsWith('$') ? env[configured.slice(1)] : expand(configured);
}

/** `no` and `off` let OpenSSH accept even changed keys; here they mean what accept-new means. */
function unknownHostKey(value: string | undefined): SshTarget['unknownHostKey'] {
  switch (value?.toLowerCase()) {
    case 'yes':
      return 'refuse';
    case 'accept-new':
    case 'no':
    case 'off':
      return 'accept';
    default:
      return 'ask';
  }
}
