import { readFile } from 'node:fs/promises';
import ssh2, { type ParsedKey } from 'ssh2';
import { hasCode, messageOf, UserError } from '../errors.ts';
import { readOptional } from './known-hosts-file.ts';
import type { Questions } from './questions.ts';
import type { SshTarget } from './target.ts';

/** Where secrets come from when nobody is asked; documented in docs/commands.md. */
export const PASSWORD_VARIABLE = 'KADM_SSH_PASSWORD';
export const PASSPHRASE_VARIABLE = 'KADM_SSH_PASSPHRASE';
export const SUDO_PASSWORD_VARIABLE = 'KADM_SUDO_PASSWORD';

const ATTEMPTS = 3;

/** A private key in a file. */
export interface KeyFile {
  readonly path: string;
  /** SSH wire format, base64; undefined where it is not known without the passphrase. */
  readonly publicKey: string | undefined;
  readonly encrypted: boolean;
}

/**
 * The secrets of one run. Each is read or asked for once, however many hosts want it, and kept in memory only.
 */
export class Credentials {
  readonly #questions: Questions;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #files = new Map<string, Promise<KeyFile | undefined>>();
  readonly #keys = new Map<string, Promise<ParsedKey | undefined>>();
  /** By what they are for; an empty answer counts as none. */
  readonly #passwords = new Map<string, Promise<string | undefined>>();
  /** Passwords that a host took for logging in, by name of the target. */
  readonly #loggedIn = new Map<string, string>();

  constructor(questions: Questions, env: Readonly<Record<string, string | undefined>> = process.env) {
    this.#questions = questions;
    this.#env = env;
  }

  /** What can be known of a key file without its passphrase; undefined where there is no such file. */
  keyFile(path: string): Promise<KeyFile | undefined> {
    return once(this.#files, path, () => describeKeyFile(path));
  }

  /**
   * The key of a file, decrypted if need be. Undefined when its passphrase is not to be had.
   * @throws UserError for a file that holds no private key, and for a wrong passphrase
   */
  key(path: string): Promise<ParsedKey | undefined> {
    return once(this.#keys, path, () => this.#readKey(path));
  }

  /**
   * A password to log in with. The first one asked for serves all hosts on which the user has this name.
   * @param refused how many the host has refused already
   */
  async password({ user, name }: SshTarget, refused: number): Promise<string | undefined> {
    const common = this.#env[PASSWORD_VARIABLE];
    if (common !== undefined) return refused === 0 ? common : undefined;
    if (refused >= ATTEMPTS) return undefined;
    return refused === 0
      ? await this.#ask(`login ${user}`, `Password of ${user} on ${name} (and wherever it is the same):`)
      : await this.#ask(`login ${user} ${name} ${refused}`, `${name} refused it. Password of ${user} there:`);
  }

  /** What a host asks at login besides a password, such as a code. */
  async answer({ name }: SshTarget, prompt: string): Promise<string | undefined> {
    return await this.#questions.secret(`${name}: ${prompt}`);
  }

  /** Remembers with which password a host let us in: sudo there usually wants the same. */
  letIn({ name }: SshTarget, password: string): void {
    this.#loggedIn.set(name, password);
  }

  /**
   * A password for sudo.
   * @param refused how many sudo has refused already
   * @throws UserError when there is none
   */
  async sudoPassword({ user, name }: SshTarget, refused: number): Promise<string> {
    const known = [this.#env[SUDO_PASSWORD_VARIABLE], this.#loggedIn.get(name)].filter(
      (one) => one !== undefined,
    );
    const given = known[refused];
    if (given !== undefined) return given;
    const asked =
      refused === 0
        ? await this.#ask(
            `sudo ${user}`,
            `sudo password of ${user} on ${name} (and wherever it is the same):`,
          )
        : await this.#ask(
            `sudo ${user} ${name} ${refused}`,
            `sudo on ${name} refused it. Password of ${user} there:`,
          );
    if (asked !== undefined) return asked;
    const problem = refused === 0 ? 'asks for a password' : 'refuses the password';
    throw new UserError(`${name}: sudo ${problem} of ${user}`, {
      remedy: `run this at a terminal, which asks for it, or set ${SUDO_PASSWORD_VARIABLE}`,
    });
  }

  #ask(purpose: string, question: string): Promise<string | undefined> {
    return once(this.#passwords, purpose, async () => (await this.#questions.secret(question)) || undefined);
  }

  async #readKey(path: string): Promise<ParsedKey | undefined> {
    const text = await readFile(path);
    const { encrypted } = (await this.keyFile(path)) ?? { encrypted: false };
    if (!encrypted) return parse(path, text, undefined);
    const given = this.#env[PASSPHRASE_VARIABLE];
    if (given !== undefined) return parse(path, text, given);
    for (let attempt = 1; ; attempt += 1) {
      const again = attempt === 1 ? '' : 'That was not it. ';
      const passphrase = await this.#questions.secret(`${again}Passphrase of ${path}:`);
      if (passphrase === undefined || passphrase === '') return undefined;
      try {
        return parse(path, text, passphrase);
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }
}

function once<T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

async function describeKeyFile(path: string): Promise<KeyFile | undefined> {
  const text = await readKeyText(path);
  if (text === undefined) return undefined;
  const parsed = ssh2.utils.parseKey(text);
  if (!(parsed instanceof Error)) {
    return { path, publicKey: parsed.getPublicSSH().toString('base64'), encrypted: false };
  }
  // Of the ways in which a key can be unreadable, only this one can be mended by asking.
  const encrypted = /encrypted/i.test(parsed.message);
  const publicKey = (await readOptional(`${path}.pub`))?.split(/\s+/)[1];
  return { path, publicKey, encrypted };
}

async function readKeyText(path: string): Promise<string | undefined> {
  try {
    return await readOptional(path);
  } catch (error) {
    if (hasCode(error, 'EISDIR')) return undefined;
    throw new UserError(`the key file ${path} cannot be read: ${messageOf(error)}`, {
      remedy: 'let the user who runs this read it, or name another one',
    });
  }
}

/** @throws UserError without anything of what the file holds */
function parse(path: string, text: Buffer, passphrase: string | undefined): ParsedKey {
  const key = ssh2.utils.parseKey(text, passphrase);
  if (!(key instanceof Error) && key.isPrivateKey()) return key;
  throw passphrase === undefined
    ? new UserError(`${path} is not a private key that kadm can read`, {
        remedy: 'ssh-keygen makes one: ssh-keygen -t ed25519',
      })
    : new UserError(`the passphrase of ${path} is not right`, {
        remedy: `run this at a terminal, which asks for it, or set ${PASSPHRASE_VARIABLE}`,
      });
}
