import { readdir, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UserError } from '../../errors.ts';
import { runCommand } from '../../host/command.ts';
import { exists } from '../../host/host.ts';
import type { LayerEntry } from './layer.ts';

/**
 * The version of a package in a Debian root filesystem (/var/lib/dpkg/status, deb822(5)).
 * @throws UserError when it is not installed there
 */
export async function debianVersion(rootfs: string, name: string): Promise<string> {
  const version = packageVersion(await readFile(`${rootfs}/var/lib/dpkg/status`, 'utf8'), name);
  if (version !== undefined) return version;
  throw new UserError(`the root filesystem ${rootfs} lacks the Debian package ${name}`, {
    remedy: 'remove that folder and run the same command again: it is then made anew',
  });
}

/** The version that dpkg's status file gives an installed package. */
export function packageVersion(status: string, name: string): string | undefined {
  const paragraph = status.split(/\n\n+/).find((text) => text.startsWith(`Package: ${name}\n`));
  if (paragraph === undefined || !/^Status: .* installed$/m.test(paragraph)) return undefined;
  return /^Version: (.+)$/m.exec(paragraph)?.[1];
}

/**
 * Programs of the root filesystem, each with the libraries and the dynamic loader that it needs, at the
 * same paths. Links are followed: the image holds files.
 */
export async function withLibraries(rootfs: string, paths: readonly string[]): Promise<LayerEntry[]> {
  const { stdout } = await runCommand(['chroot', rootfs, '/usr/bin/ldd', ...paths]);
  const files = new Set([...paths, ...libraries(stdout)].map(mergedPath));
  return await Promise.all([...files].map((path) => rootfsFile(rootfs, path)));
}

/** Paths that ldd(1) names. @throws Error when it misses one */
export function libraries(output: string): string[] {
  return output.split('\n').flatMap((line) => {
    if (/=> not found/.test(line)) throw new Error(`ldd misses a library: ${line.trim()}`);
    const path = /^\s+(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    return path === undefined ? [] : [path];
  });
}

/** Where /bin, /sbin, /lib and /lib64 lead since Debian merged them into /usr. */
export function mergedPath(path: string): string {
  return /^\/(bin|sbin|lib|lib64)\//.test(path) ? `/usr${path}` : path;
}

/** The four links of a merged /usr: the loader's path in every program is /lib64/... */
export const MERGED_USR: readonly LayerEntry[] = ['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => [
  { type: 'symlink', path: `/${name}`, target: `usr/${name}` },
  { type: 'directory', path: `/usr/${name}`, mode: 0o755 },
]);

/** One file, as executable as it is there. */
export async function rootfsFile(rootfs: string, path: string): Promise<LayerEntry> {
  const source = `${rootfs}${path}`;
  const { mode } = await stat(source);
  return { type: 'file', path, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, source };
}

/** The folder of xtables' plugins: /usr/lib/TRIPLET/xtables. */
export async function xtablesPlugins(rootfs: string): Promise<string[]> {
  for (const name of (await readdir(`${rootfs}/usr/lib`)).filter((one) => one.endsWith('-linux-gnu'))) {
    const folder = `/usr/lib/${name}/xtables`;
    if (!(await exists(`${rootfs}${folder}`))) continue;
    const plugins = (await readdir(`${rootfs}${folder}`)).filter((one) => one.endsWith('.so'));
    return plugins.sort().map((plugin) => `${folder}/${plugin}`);
  }
  throw new UserError(`the root filesystem ${rootfs} lacks the plugins of iptables`, {
    remedy: 'remove that folder and run the same command again: it is then made anew',
  });
}

/** A link beside a program of several names. */
export function aliases(path: string, names: readonly string[]): LayerEntry[] {
  const folder = path.slice(0, path.lastIndexOf('/'));
  return names.map((name) => ({ type: 'symlink', path: `${folder}/${name}`, target: basename(path) }));
}
