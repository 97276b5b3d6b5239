import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../../src/host/command.ts';

/** A root filesystem may have links for folders, /bin for one, which `dpkg -x` would replace. */
const UNPACK = [
  'sh',
  '-c',
  'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
  'unpack',
];

/** Unpacks packages of this machine's Debian into a folder, without installing them: no script of theirs runs. */
export async function unpackPackages(names: readonly string[], folder: string): Promise<void> {
  const cwd = await mkdtemp(join(tmpdir(), 'kadm-packages-'));
  try {
    await runCommand(['apt-get', 'download', ...names], { cwd, timeoutMs: 120_000 });
    for (const file of await readdir(cwd)) await runCommand([...UNPACK, file, folder], { cwd });
  } finally {
    await rm(cwd, { recursive: true });
  }
}
