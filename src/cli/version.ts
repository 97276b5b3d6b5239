import { Command, Option } from 'commander';
import type { Release } from '../components/catalog.ts';
import { versionText } from './own-version.ts';

const FORMATS = ['text', 'short', 'json', 'yaml'] as const;

type Format = (typeof FORMATS)[number];

const EXAMPLES = `
Examples:
  kadm version
  kadm version --output short
  kadm version --output json | jq -r .components.kubernetes
`;

/** What `kadm version` tells; `--output json` prints it as it is. */
export interface Versions {
  readonly kadm: string;
  /** The Node inside this executable. */
  readonly node: string;
  /** As Go and OCI write it: linux/amd64. */
  readonly platform: string;
  /** What init and join install when nothing else is asked for. */
  readonly components: Omit<Release, 'agnhost'>;
}

export function versionCommand(): Command {
  return new Command('version')
    .description('versions of kadm and of what it installs')
    .addOption(
      new Option('-o, --output <format>', 'text, the version of kadm alone, or an object for programs')
        .choices(FORMATS)
        .default('text'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async ({ output }: { output: Format }) => {
      process.stdout.write(`${await rendered(await versions(), output)}\n`);
    });
}

async function versions(): Promise<Versions> {
  const { architecture, DEFAULT_KUBERNETES_VERSION, releaseFor } = await import('../components/catalog.ts');
  const { agnhost: _, ...components } = releaseFor(DEFAULT_KUBERNETES_VERSION);
  const platform = `${process.platform}/${architecture()}`;
  return { kadm: versionText(), node: process.version, platform, components };
}

async function rendered(all: Versions, format: Format): Promise<string> {
  switch (format) {
    case 'json':
      return JSON.stringify(all);
    case 'yaml':
      return (await import('yaml')).stringify(all).trimEnd();
    case 'short':
      // With the v of a tag, as kubeadm prints its own.
      return `v${all.kadm}`;
    case 'text': {
      const { components, ...own } = all;
      return Object.entries({ ...own, ...components })
        .map(([name, version]) => `${name} ${version}`)
        .join('\n');
    }
  }
}
