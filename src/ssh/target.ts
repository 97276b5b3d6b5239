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
  readonly knownHostsFiles: readonly string[];
}

const DEFAULT_IDENTITIES = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * Reads [user@]host[:port] and completes it from the text of ~/.ssh/config.
 * @throws UserError (usage) when the text is not of that form.
 */
export function parseTarget(text: string, sshConfig: string, home: string = homedir()): SshTarget {
  const match = /^(?:([^@\s]+)@)?(\[[0-9a-fA-F:]+\]|[^@:\s/-][^@:\s/]*)(?::(\d{1,5}))?$/.exec(text);
  const alias = match?.[2]?.replace(/^\[|\]$/g, '');
  if (match === null || alias === undefined) {
    throw new UserError(`--ssh ${JSON.stringify(text)} is not [USER@]HOST[:PORT]`, {
      remedy: 'write for example --ssh root@10.0.0.2',
      exitCode: EXIT.usage,
    });
  }
  const config = SSHConfig.parse(sshConfig).compute(alias, { ignoreCase: true });
  const one = (key: string): string | undefined => [config[key]].flat()[0];
  const many = (key: string): string[] => [config[key] ?? []].flat();
  const expand = (path: string): string => path.replace(/^~(?=\/|$)/, home).replaceAll('%d', home);
  const identities = many('identityfile').map(expand);
  const knownHosts = many('userknownhostsfile').flatMap((value) => value.split(/\s+/).map(expand));
  return {
    name: text,
    host: one('hostname') ?? alias,
    port: Number(match[3] ?? one('port') ?? 22),
    user: match[1] ?? one('user') ?? 'root',
    identityFiles:
      identities.length > 0 ? identities : DEFAULT_IDENTITIES.map((file) => `${home}/.ssh/${file}`),
    knownHostsFiles:
      knownHosts.length > 0 ? knownHosts : [`${home}/.ssh/known_hosts`, '/etc/ssh/ssh_known_hosts'],
  };
}
