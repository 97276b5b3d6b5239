import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import semver from 'semver';
import { UserError } from '../../errors.ts';
import { type RunOptions, runCommand } from '../../host/command.ts';
import { architecture, type Release } from '../catalog.ts';
import { addedSums, downloadModule, wrapperGoMod, wrapperGoSum } from './go-module.ts';
import { MODULE_SUMS } from './module-sums.ts';
import { type GoGroup, outputName, PROGRAMS, type ProgramName } from './programs.ts';

/** The highest go line in the go.mod files of what is built here (containerd's). */
const MINIMUM_GO = '1.26.8';
const BUILD_TIMEOUT_MS = 2 * 60 * 60_000;
const DOWNLOAD_TIMEOUT_MS = 15 * 60_000;

export interface GoBuild {
  readonly group: GoGroup;
  readonly release: Release;
  readonly programs: readonly ProgramName[];
  /** Folder of this group's module; what is in it can be made again. */
  readonly directory: string;
  readonly onProgress: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** @throws UserError when this machine has no Go, or one that is too old and may not fetch a newer one */
export async function demandGo(): Promise<void> {
  const { stdout } = await runCommand(['go', 'env', 'GOVERSION', 'GOTOOLCHAIN'], { env: ENVIRONMENT });
  const [version = '', toolchain = ''] = stdout.split('\n');
  if (goSuffices(version, toolchain)) return;
  throw new UserError(`building the components takes Go ${MINIMUM_GO} or newer, and here is ${version}`, {
    remedy: 'install a newer Go and put it first in PATH, or let Go fetch it (go env -w GOTOOLCHAIN=auto)',
  });
}

/** Whether this Go can build the components; since 1.21 it fetches a newer one itself where it may. */
export function goSuffices(version: string, toolchain: string): boolean {
  const found = semver.coerce(version.replace(/^go/, ''));
  if (found === null) return false;
  return (
    semver.gte(found, MINIMUM_GO) || (semver.gte(found, '1.21.0') && /(^|\+)(auto|path)$/.test(toolchain))
  );
}

/**
 * Builds programs of one group.
 * @returns where each of them is
 */
export async function buildPrograms(build: GoBuild): Promise<Map<ProgramName, string>> {
  const output = `${build.directory}/out`;
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  const sums = await writeWrapper(build);
  const packages = build.programs.map((name) => PROGRAMS[name].package);
  const total = await countPackages(build, packages);
  await demandPinned(build, sums);
  const seen = new Set<string>();
  build.onProgress(`compiling what is new of ${total} packages, and linking ${build.programs.join(', ')}`);
  await runGo(build, [...buildArgv(build, output), ...packages], BUILD_TIMEOUT_MS, (line) => {
    // With -v the compiler names each package; what has spaces is something else.
    if (/\s/.test(line)) return;
    seen.add(line);
    build.onProgress(`${seen.size} of at most ${total} packages compiled`);
  });
  return new Map(build.programs.map((name) => [name, `${output}/${outputName(PROGRAMS[name].package)}`]));
}

function buildArgv({ group, release }: GoBuild, output: string): string[] {
  const variables = Object.entries(group.variables(release)).map(([name, value]) => `-X ${name}=${value}`);
  const flags = ['-s', '-w', ...variables].join(' ');
  const reproducible = ['-trimpath', '-buildvcs=false'];
  return ['go', 'build', '-v', ...reproducible, '-ldflags', flags, '-o', `${output}/`];
}

/** Where the module that holds a group's programs lies, downloaded and checked. */
export async function moduleDirectory(build: Omit<GoBuild, 'programs' | 'directory'>): Promise<string> {
  const [module] = await downloadModules(build);
  if (module === undefined) throw new Error(`${build.group.id} has no module`);
  return module.Dir;
}

/** @returns the go.sum that it wrote */
async function writeWrapper(build: GoBuild): Promise<string> {
  const modules = await downloadModules(build);
  const described = await Promise.all(
    modules.map(async (module) => ({ module, goMod: await readFile(module.GoMod, 'utf8') })),
  );
  await writeFile(`${build.directory}/go.mod`, wrapperGoMod(build.group.id, described));
  const sums = await wrapperGoSum(sumsOf(build), modules);
  await writeFile(`${build.directory}/go.sum`, sums);
  return sums;
}

/** Nothing is compiled of which this repository does not know the sum, directly or through a module it knows. */
async function demandPinned({ directory, group }: GoBuild, sums: string): Promise<void> {
  const added = addedSums(sums, await readFile(`${directory}/go.sum`, 'utf8'));
  if (added.length === 0) return;
  throw new Error(`${group.id} is made of modules that module-sums.ts does not know:\n${added.join('\n')}`);
}

async function downloadModules(build: Omit<GoBuild, 'programs' | 'directory'>) {
  const { group, onProgress, release } = build;
  const modules = [];
  for (const wanted of group.modules(release)) {
    onProgress(`downloading ${wanted.path} ${wanted.version}`);
    modules.push(await downloadModule(wanted, sumsOf(build), options(build, DOWNLOAD_TIMEOUT_MS)));
  }
  return modules;
}

function sumsOf({ group, release }: Pick<GoBuild, 'group' | 'release'>): string {
  return MODULE_SUMS[`${group.id} ${group.version(release)}`] ?? '';
}

/** Also downloads what the programs are made of. */
async function countPackages(build: GoBuild, packages: readonly string[]): Promise<number> {
  build.onProgress('looking for the packages that it consists of');
  const argv = ['go', 'list', '-deps', '-f', '{{.ImportPath}}', ...packages];
  const { stdout } = await runGo(build, argv, DOWNLOAD_TIMEOUT_MS, (line) => {
    const name = /^go: downloading (.+)$/.exec(line)?.[1];
    if (name !== undefined) build.onProgress(`downloading ${name}`);
  });
  return stdout.trim().split('\n').length;
}

function runGo(build: GoBuild, argv: string[], timeoutMs: number, onLine: (line: string) => void) {
  const bounded = { ...options(build, timeoutMs), cwd: build.directory, onLine };
  // Killed with this process, whatever kills it: no compiler then works on for nobody.
  return runCommand(['setpriv', '--pdeathsig', 'TERM', ...argv], bounded);
}

function options({ signal }: Pick<GoBuild, 'signal'>, timeoutMs: number): RunOptions {
  return { env: ENVIRONMENT, timeoutMs, ...(signal === undefined ? {} : { signal }) };
}

/** Nobody's own settings change what is built; where modules come from and are cached stays theirs. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  CGO_ENABLED: '0',
  GOOS: 'linux',
  GOARCH: architecture(),
  GOFLAGS: '-mod=mod',
  GOWORK: 'off',
  GO111MODULE: 'on',
};
