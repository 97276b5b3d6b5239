import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalHost } from '../../../src/host/host.ts';
import { Changes } from '../../../src/phases/changes.ts';
import { Ledger } from '../../../src/phases/ledger.ts';
import { undo } from '../../../src/phases/undo.ts';

/** Files are real; the commands of systemd that undo ends with are not for this machine. */
class FileHost extends LocalHost {
  override async run(argv: readonly string[]): ReturnType<LocalHost['run']> {
    if (argv[0] === 'systemctl') return { stdout: '', stderr: '', exitCode: 0 };
    return await super.run(argv);
  }
}

let folder: string;
let host: FileHost;

beforeEach(async () => {
  folder = await mkdtemp(`${tmpdir()}/kadm-ledger-`);
  host = new FileHost();
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function open(): Promise<{ ledger: Ledger; changes: Changes }> {
  const ledger = await Ledger.open(host, `${folder}/state`);
  return { ledger, changes: new Changes(host, ledger, 'test') };
}

describe('the ledger', () => {
  it('brings back the content, mode and absence of files', async () => {
    await writeFile(`${folder}/config`, 'before');
    await chmod(`${folder}/config`, 0o640);
    const { changes } = await open();
    await changes.file(`${folder}/config`, 'kadm', 0o600);
    await changes.file(`${folder}/new/deep/file`, 'kadm', 0o600);
    expect((await stat(`${folder}/config`)).mode & 0o777).toBe(0o600);

    await undo(host, (await open()).ledger);
    expect(await readFile(`${folder}/config`, 'utf8')).toBe('before');
    expect((await stat(`${folder}/config`)).mode & 0o777).toBe(0o640);
    expect(await host.stat(`${folder}/new`)).toBeUndefined();
  });

  it('takes over what something else made, and removes it as its own', async () => {
    await mkdir(`${folder}/made/deep`, { recursive: true });
    await writeFile(`${folder}/made/deep/file`, 'by another');
    await writeFile(`${folder}/single`, 'by another');
    const { changes, ledger } = await open();
    const found = [
      { kind: 'file', path: `${folder}/single`, before: { kind: 'absent' } },
      { kind: 'tree', path: `${folder}/made`, before: 'absent' },
    ] as const;
    await changes.takeOver(found);
    // A second time, and a phase that looks at the same folder, add nothing.
    await changes.takeOver(found);
    await changes.tree(`${folder}/made`);
    expect(ledger.changes).toHaveLength(2);

    await undo(host, (await open()).ledger);
    expect(await host.stat(`${folder}/made`)).toBeUndefined();
    expect(await host.stat(`${folder}/single`)).toBeUndefined();
  });

  it('goes on after a line that was cut short, as by a full disk', async () => {
    const { ledger } = await open();
    await ledger.append({ verb: 'init', state: 'begun', version: 'v1' });
    await appendFile(`${folder}/state/ledger/ledger.ndjson`, '{"phase":"certs","chan');
    const { ledger: second } = await open();
    await second.append({ phase: 'etcd', change: { kind: 'directory', path: '/a' } });
    await second.append({ phase: 'etcd', change: { kind: 'directory', path: '/b' } });
    const { ledger: third } = await open();
    expect(third.begun).toBe('init');
    expect(third.changes).toEqual([
      { kind: 'directory', path: '/a' },
      { kind: 'directory', path: '/b' },
    ]);
  });

  it('removes what a run left that was killed while it wrote a file', async () => {
    const { changes } = await open();
    await changes.file(`${folder}/new/file`, 'kadm', 0o600);
    await writeFile(`${folder}/new/.file.kadm-new`, 'half of');
    await undo(host, (await open()).ledger);
    expect(await host.stat(`${folder}/new`)).toBeUndefined();
  });

  it('knows an adopted node by how it began, and as what it ended', async () => {
    const { ledger } = await open();
    await ledger.append({ verb: 'adopt', state: 'begun', version: 'v1' });
    expect((await open()).ledger).toMatchObject({ begun: 'adopt', completed: undefined });
    await ledger.append({ verb: 'join', state: 'complete', version: 'v1' });
    expect((await open()).ledger).toMatchObject({ begun: 'adopt', completed: 'join' });
  });

  it('keeps each of several files that are replaced at once', async () => {
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await writeFile(`${folder}/${name}`, `${name} before`);
    const { changes } = await open();
    await changes.files(names.map((name) => ({ path: `${folder}/${name}`, content: 'kadm', mode: 0o600 })));
    expect(await readFile(`${folder}/c`, 'utf8')).toBe('kadm');

    const { ledger } = await open();
    expect(ledger.changes).toHaveLength(4);
    await undo(host, ledger);
    for (const name of names) expect(await readFile(`${folder}/${name}`, 'utf8')).toBe(`${name} before`);
  });

  it('keeps the order of entries that are appended at once', async () => {
    const { ledger } = await open();
    const entries = Array.from({ length: 50 }, (_, index) => ({
      phase: 'test',
      change: { kind: 'module' as const, name: `m${index}` },
    }));
    await Promise.all(entries.map((entry) => ledger.append(entry)));
    expect((await open()).ledger.entries).toEqual(entries);
  });

  it('keeps what was there before kadm, however often kadm changes it again', async () => {
    await writeFile(`${folder}/config`, 'before');
    await (await open()).changes.file(`${folder}/config`, 'first', 0o600);
    await (await open()).changes.file(`${folder}/config`, 'second', 0o600);
    const { ledger } = await open();
    expect(ledger.changes).toHaveLength(1);
    await undo(host, ledger);
    expect(await readFile(`${folder}/config`, 'utf8')).toBe('before');
  });

  it('brings back a link in whose place a file was put', async () => {
    await writeFile(`${folder}/target`, 'x');
    await symlink('target', `${folder}/link`);
    await (await open()).changes.file(`${folder}/link`, 'kadm', 0o600);
    await undo(host, (await open()).ledger);
    expect((await host.stat(`${folder}/link`))?.isSymbolicLink()).toBe(true);
    expect(await readFile(`${folder}/target`, 'utf8')).toBe('x');
  });

  it('records nothing where everything is as it should be', async () => {
    const { changes } = await open();
    await changes.file(`${folder}/config`, 'kadm', 0o600);
    const { ledger, changes: again } = await open();
    const before = ledger.entries.length;
    expect(await again.file(`${folder}/config`, 'kadm', 0o600)).toBe(false);
    expect(ledger.entries).toHaveLength(before);
  });

  it('leaves a folder that somebody else used, empties one that was empty, removes one that was not there', async () => {
    await mkdir(`${folder}/used`);
    await writeFile(`${folder}/used/theirs`, '');
    await mkdir(`${folder}/empty`, { mode: 0o711 });
    const { changes } = await open();
    for (const name of ['used', 'empty', 'absent']) await changes.tree(`${folder}/${name}`, 0o700);
    for (const name of ['used', 'empty', 'absent']) await writeFile(`${folder}/${name}/filled`, '');
    await chmod(`${folder}/empty`, 0o700);

    await undo(host, (await open()).ledger);
    expect(await host.list(`${folder}/used`)).toEqual(['filled', 'theirs']);
    expect(await host.list(`${folder}/empty`)).toEqual([]);
    expect(((await host.stat(`${folder}/empty`))?.mode ?? 0) & 0o777).toBe(0o711);
    expect(await host.stat(`${folder}/absent`)).toBeUndefined();
  });

  it('does not remove a folder of its own in which somebody put a file', async () => {
    await (await open()).changes.file(`${folder}/etc/kadm.conf`, 'kadm', 0o644);
    await writeFile(`${folder}/etc/theirs`, '');
    await undo(host, (await open()).ledger);
    expect(await host.list(`${folder}/etc`)).toEqual(['theirs']);
  });

  it('can be undone twice', async () => {
    await (await open()).changes.file(`${folder}/a/b`, 'kadm', 0o600);
    await undo(host, (await open()).ledger);
    await undo(host, (await open()).ledger);
    expect(await host.stat(`${folder}/a`)).toBeUndefined();
  });

  it('survives an entry that was cut short, and refuses one that is damaged', async () => {
    await (await open()).changes.file(`${folder}/a`, 'kadm', 0o600);
    const path = `${folder}/state/ledger/ledger.ndjson`;
    await appendFile(path, '{"phase":"test","change":{"kind":"fi');
    expect((await open()).ledger.changes).toHaveLength(1);
    await appendFile(path, '\n');
    await expect(open()).rejects.toThrow('line 2');
  });

  it('knows which verb began and which has ended', async () => {
    const { ledger } = await open();
    expect(ledger.begun).toBeUndefined();
    await ledger.append({ verb: 'init', state: 'begun', version: 'v1.36.3' });
    expect((await open()).ledger).toMatchObject({ begun: 'init', completed: undefined });
    await ledger.append({ verb: 'init', state: 'complete', version: 'v1.36.3' });
    expect((await open()).ledger).toMatchObject({ begun: 'init', completed: 'init' });
  });

  it('is readable by root alone', async () => {
    await (await open()).changes.file(`${folder}/a`, 'kadm', 0o600);
    expect((await stat(`${folder}/state/ledger`)).mode & 0o777).toBe(0o700);
    expect((await stat(`${folder}/state/ledger/ledger.ndjson`)).mode & 0o777).toBe(0o600);
  });
});
