import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { inject } from 'postject';
import { TEMPLATE_ENDINGS } from './templates.ts';

/** The sentinel that Node's executable holds for single-executable applications (Node documentation, SEA). */
const SENTINEL = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = `${root}dist/`;

/** zod brings its messages in fifty languages; kadm speaks one, and the rest would only take memory. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup: ({ onLoad }) =>
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};

/** Bundles a module with its templates into one CommonJS file: what SEA can load. */
async function bundle(entry: string, outfile: string): Promise<void> {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
  await build({
    entryPoints: [`${root}${entry}`],
    outfile,
    bundle: true,
    plugins: [englishOnly],
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
}

/** Puts the bundle into a copy of the Node that runs this build; the result needs no Node on its host. */
async function executable(): Promise<void> {
  const assets = {
    'kadm.cjs': `${out}kadm.cjs`,
    'agent.cjs': `${out}agent.cjs`,
    'kadm.cache': `${out}kadm.cache`,
  };
  execFileSync(process.execPath, [
    `${root}src/build/code-cache.cjs`,
    assets['kadm.cjs'],
    assets['kadm.cache'],
  ]);

  const blob = `${out}sea.blob`;
  const config = `${out}sea.json`;
  const target = `${out}kadm.new`;
  const main = `${root}src/build/loader.cjs`;
  const settings = { main, output: blob, disableExperimentalSEAWarning: true, assets };
  writeFileSync(config, JSON.stringify(settings));
  execFileSync(process.execPath, ['--experimental-sea-config', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  copyFileSync(process.execPath, target);
  chmodSync(target, 0o755);
  stripSymbols(target);
  await inject(target, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: SENTINEL });
  // A file that is written at once lies in the page cache in pieces of 2 MB, which a process has resident as a whole
  // once it touches them: 15 MB more for each agent on this machine. A copy is written page by page.
  copyFileSync(target, `${out}kadm.copy`);
  renameSync(`${out}kadm.copy`, `${out}kadm`);
  rmSync(target);
  for (const file of [blob, config, assets['kadm.cache']]) rmSync(file);
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
await Promise.all([
  bundle('src/cli/main.ts', `${out}kadm.cjs`),
  bundle('src/cli/daemon.ts', `${out}agent.cjs`),
]);
await executable();
