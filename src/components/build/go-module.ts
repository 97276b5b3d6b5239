import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import { type RunOptions, runCommand } from '../../host/command.ts';

const moduleSchema = z.object({
  Path: z.string(),
  Version: z.string(),
  GoMod: z.string(),
  Dir: z.string(),
  Sum: z.string(),
});

/** A module as `go mod download -json` describes it; Dir is read-only and shared. */
export type GoModule = z.infer<typeof moduleSchema>;

/**
 * Downloads a module unless it is there.
 * @param sums lines of a go.sum that was committed to this repository
 * @throws UserError when the module is not the one whose sum is known
 */
export async function downloadModule(
  { path, version }: { readonly path: string; readonly version: string },
  sums: string,
  options: RunOptions,
): Promise<GoModule> {
  const { stdout } = await runCommand(['go', 'mod', 'download', '-json', `${path}@${version}`], options);
  const module = moduleSchema.parse(JSON.parse(stdout));
  demandKnownSum(module, sums);
  return module;
}

/** @throws UserError when the module's content is not that of which the sum is known */
export function demandKnownSum(
  { Path, Version, Sum }: Pick<GoModule, 'Path' | 'Version' | 'Sum'>,
  sums: string,
): void {
  const wanted = knownSum(sums, Path, Version);
  if (Sum === wanted) return;
  if (wanted === undefined)
    throw new Error(`no sum is known of ${Path}@${Version}: add it to module-sums.ts`);
  throw new UserError(`the module ${Path}@${Version} has the sum ${Sum}, but ${wanted} is known of it`, {
    remedy:
      'its proxy (go env GOPROXY) does not give the released source: use another one, after go clean -modcache',
  });
}

/** The sum (h1:...) that go.sum lines give a module's content. */
export function knownSum(sums: string, path: string, version: string): string | undefined {
  const line = sums.split('\n').find((text) => text.startsWith(`${path} ${version} `));
  return line?.split(' ')[2];
}

/** Modules that a go.mod replaces by folders below ./staging: Kubernetes' own libraries. */
export function stagingModules(goMod: string): string[] {
  return [...goMod.matchAll(/^\s*(?:replace )?(\S+) => \.\/staging\/\S+$/gm)].flatMap(
    ([, name]) => name ?? [],
  );
}

/** The Go version of a go.mod, such as 1.26.0. */
export function goVersionOf(goMod: string): string | undefined {
  return /^go (\S+)$/m.exec(goMod)?.[1];
}

/**
 * The go.mod of a module whose only purpose is to build programs of others. Kubernetes cannot be installed
 * from its module as it is, since its libraries are replaced by folders that modules do not carry: they are
 * required as the modules that the project publishes beside it (v1.X.Y has them as v0.X.Y).
 */
export function wrapperGoMod(name: string, modules: readonly { module: GoModule; goMod: string }[]): string {
  const requires = modules.map(({ module }) => `\t${module.Path} ${module.Version}`);
  const replaces = modules.flatMap(({ module, goMod }) => {
    const version = module.Version.replace(/^v1\./, 'v0.');
    return stagingModules(goMod).map((path) => `\t${path} => ${path} ${version}`);
  });
  const go = modules.map(({ goMod }) => goVersionOf(goMod)).find((version) => version !== undefined);
  return [
    `module kadm.invalid/${name}`,
    ...(go === undefined ? [] : [`go ${go}`]),
    `require (\n${requires.join('\n')}\n)`,
    ...(replaces.length === 0 ? [] : [`replace (\n${replaces.join('\n')}\n)`]),
    '',
  ].join('\n\n');
}

/** The go.sum beside it: the known sums and those that the modules themselves ship for what they require. */
export async function wrapperGoSum(known: string, modules: readonly GoModule[]): Promise<string> {
  const shipped = await Promise.all(modules.map(({ Dir }) => readFile(`${Dir}/go.sum`, 'utf8')));
  const lines = new Set(
    [known, ...shipped].flatMap((text) => text.split('\n').filter((line) => line !== '')),
  );
  return `${[...lines].sort().join('\n')}\n`;
}

/** Lines that a go.sum has now and had not before: modules that Go used, of which no sum was known. */
export function addedSums(before: string, after: string): string[] {
  const known = new Set(before.split('\n'));
  return after.split('\n').filter((line) => !known.has(line));
}
