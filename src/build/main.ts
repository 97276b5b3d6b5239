import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { inject } from 'postject';
import { TEMPLATE_ENDINGS } from './templates.ts';

/** The sentinel that Node's executable holds for single-executable applications (Node documentation, SEA). */
const SENTINEL = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = `${root}dist/`;

/** Bundles src/cli/main.ts and its templates into one CommonJS file: what SEA can load. */
async function bundle(): Promise<string> {
  const outfile = `${out}kadm.cjs`;
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
  await build({
    entryPoints: [`${root}src/cli/main.ts`],
    outfile,
    bundle: true,
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // ssh2 works without its native add-ons; a single file cannot carry them.
    external: ['cpu-features', '*.node'],
    loader: Object.fromEntries(TEMPLATE_ENDINGS.map((ending) => [ending, 'text'])),
    define: { KADM_VERSION: JSON.stringify(version), 'import.meta.url': '__filename' },
    logLevel: 'warning',
  });
  return outfile;
}

/** Puts the bundle into a copy of the Node that runs this build; the result needs no Node on its host. */
async function executable(main: string): Promise<void> {
  const blob = `${out}sea.blob`;
  const config = `${out}sea.json`;
  const target = `${out}kadm.new`;
  const settings = { main, output: blob, disableExperimentalSEAWarning: true, useCodeCache: true };
  writeFileSync(config, JSON.stringify(settings));
  execFileSync(process.execPath, ['--experimental-sea-config', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  copyFileSync(process.execPath, target);
  chmodSync(target, 0o755);
  stripSymbols(target);
  await inject(target, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: SENTINEL });
  renameSync(target, `${out}kadm`);
  rmSync(blob);
  rmSync(config);
}

/** 18 MB less to send to each host; a machine without binutils keeps them. */
function stripSymbols(file: string): void {
  try {
    execFileSync('strip', ['--strip-unneeded', file], { stdio: 'inherit' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

mkdirSync(out, { recursive: true });
await executable(await bundle());
