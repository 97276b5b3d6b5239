import { Command } from 'commander';
import { outputOption } from './options.ts';
import type { OutputFormat } from './renderer.ts';

declare const KADM_VERSION: string;

export function versionText(): string {
  return KADM_VERSION;
}

export function versionCommand(): Command {
  return new Command('version')
    .description('versions of kadm and of what it installs')
    .addOption(outputOption())
    .action(async ({ output }: { output: OutputFormat }) => {
      const { DEFAULT_KUBERNETES_VERSION, releaseFor } = await import('../components/catalog.ts');
      const versions = {
        kadm: versionText(),
        node: process.version,
        ...releaseFor(DEFAULT_KUBERNETES_VERSION),
      };
      const lines = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
      process.stdout.write(`${output === 'json' ? JSON.stringify(versions) : lines.join('\n')}\n`);
    });
}
