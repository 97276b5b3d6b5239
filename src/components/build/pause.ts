import { mkdir } from 'node:fs/promises';
import { runCommand } from '../../host/command.ts';
import { type GoBuild, moduleDirectory } from './go-build.ts';

/**
 * Builds the program of the sandbox container: one C file of Kubernetes' module, linked statically with the
 * flags of build/pause/Makefile there.
 * @returns where it is
 */
export async function buildPause(build: GoBuild): Promise<string> {
  const source = `${await moduleDirectory(build)}/build/pause/linux/pause.c`;
  const output = `${build.directory}/out/pause`;
  await mkdir(`${build.directory}/out`, { recursive: true });
  build.onProgress('compiling pause');
  const flags = ['-Os', '-Wall', '-Werror', '-static', '-s', `-DVERSION=v${build.release.pause}`];
  // Without a build id two builds give the same bytes.
  await runCommand(['gcc', ...flags, '-Wl,--build-id=none', '-o', output, source], {
    ...(build.signal === undefined ? {} : { signal: build.signal }),
  });
  return output;
}
