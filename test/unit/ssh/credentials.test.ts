import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Credentials } from '../../../src/ssh/credentials.ts';
import { parseTarget } from '../../../src/ssh/target.ts';

let folder: string;
let file: string;
let asked: string[];

beforeEach(async () => {
  folder = await mkdtemp(`${tmpdir()}/kadm-keys-`);
  file = `${folder}/key`;
  asked = [];
  const options = { passphrase: 'open sesame', cipher: 'aes256-ctr', rounds: 1 } as const;
  await writeFile(file, ssh2.utils.generateKeyPairSync('ed25519', options).private);
});
afterEach(() => rm(folder, { recursive: true }));

function answering(...answers: string[]): Credentials {
  const secret = async (question: string): Promise<string | undefined> => {
    asked.push(question);
    return answers[asked.length - 1];
  };
  return new Credentials({ secret, confirm: async () => undefined }, {});
}

const target = (name: string) => parseTarget(`ops@${name}`, { sshConfig: '', home: '/root', env: {} });

describe('a passphrase', () => {
  it('is asked for once, however many hosts want the key, and again when it was wrong', async () => {
    const credentials = answering('open barley', 'open sesame');
    const keys = await Promise.all([credentials.key(file), credentials.key(file)]);
    expect(keys.map((key) => key?.type)).toEqual(['ssh-ed25519', 'ssh-ed25519']);
    expect(asked).toEqual([`Passphrase of ${file}:`, `That was not it. Passphrase of ${file}:`]);
  });

  it('that nobody gives leaves the key out', async () => {
    expect(await answering().key(file)).toBeUndefined();
  });

  it('comes from the environment, and is not in what is said of it', async () => {
    const nobody = { secret: async () => undefined, confirm: async () => undefined };
    const from = (passphrase: string): Credentials =>
      new Credentials(nobody, { KADM_SSH_PASSPHRASE: passphrase });
    expect((await from('open sesame').key(file))?.type).toBe('ssh-ed25519');
    await expect(from('open barley').key(file)).rejects.toThrow(`the passphrase of ${file} is not right`);
  });
});

describe('a password', () => {
  it('serves all hosts, until one refuses it', async () => {
    const credentials = answering('one', 'two');
    expect(await credentials.password(target('h1'), 0)).toBe('one');
    expect(await credentials.password(target('h2'), 0)).toBe('one');
    expect(await credentials.password(target('h2'), 1)).toBe('two');
    expect(asked).toHaveLength(2);
  });

  it('that let us in is what sudo is told first', async () => {
    const credentials = answering('other');
    credentials.letIn(target('h1'), 'secret');
    expect(await credentials.sudoPassword(target('h1'), 0)).toBe('secret');
    expect(await credentials.sudoPassword(target('h1'), 1)).toBe('other');
  });

  it('for sudo that is not to be had names the remedy', async () => {
    await expect(answering().sudoPassword(target('h1'), 0)).rejects.toMatchObject({
      message: 'ops@h1: sudo asks for a password of ops',
      remedy: expect.stringContaining('KADM_SUDO_PASSWORD'),
    });
  });
});
