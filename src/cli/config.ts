import { readFile, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { contradictions, INIT_FLAGS } from '../config/contradictions.ts';
import type { Known } from '../config/meaning.ts';
import type { InitFlags } from '../config/settings.ts';
import { EXIT, hasCode, messageOf, UserError } from '../errors.ts';
import { settingsOptions } from './init.ts';
import { configOption, listOption, loadConfiguration, outputOption, readSource } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun, warn } from './run.ts';

const EXAMPLES = `
Examples:
  kadm config validate cluster.yaml
  kadm config print --effective --config cluster.yaml --pod-network-cidr 10.10.0.0/16
  kadm config print init-defaults > cluster.yaml
  kadm config migrate --old-config old.yaml --new-config cluster.yaml
  kadm config images list --output json
`;

const WHAT = ['init-defaults', 'join-defaults', 'reset-defaults'] as const;

/** `kadm config`: looks at configurations and changes nothing but the file that migrate is to write. */
export function configCommand(): Command {
  return new Command('config')
    .description('check, show and migrate configurations; list the images that they ask for')
    .addCommand(validateCommand())
    .addCommand(printCommand())
    .addCommand(migrateCommand())
    .addCommand(imagesCommand())
    .addHelpText('after', EXAMPLES);
}

function validateCommand(): Command {
  return new Command('validate')
    .description('say everything that is wrong with a configuration, each with its line')
    .argument('[file]', 'configuration documents, - for standard input')
    .addOption(configOption())
    .action(async (file: string | undefined, { config }: { config?: string }) => {
      await runVerb('text', async () => {
        if (file !== undefined && config !== undefined) {
          throw new UserError(`there are two files to validate: ${file} and --config ${config}`, {
            remedy: 'name one: kadm config validate FILE',
            exitCode: EXIT.usage,
          });
        }
        return await validate(file ?? config);
      });
    });
}

async function validate(file: string | undefined): Promise<string> {
  const { checkConfiguration, notValid } = await import('../config/documents.ts');
  const source = await needed(file);
  const configuration = checkConfiguration(source.text, source.name);
  const { meaningProblems } = await import('../config/meaning.ts');
  const known = await whatThereIs();
  const all = [...configuration.problems, ...meaningProblems(configuration, known)];
  if (all.length > 0) throw notValid(all);
  const kinds = Object.keys(configuration.documents);
  return kinds.length === 0
    ? `${source.name} holds no documents.`
    : `${source.name} is valid: ${kinds.join(', ')}.`;
}

const VERBS = { InitConfiguration: 'init', JoinConfiguration: 'join', ResetConfiguration: 'reset' } as const;

async function whatThereIs(): Promise<Known> {
  const { DEFAULT_KUBERNETES_VERSION, releaseFor } = await import('../components/catalog.ts');
  const { checkPhase } = await import('./phase-ids.ts');
  return {
    defaultVersion: DEFAULT_KUBERNETES_VERSION,
    version: releaseFor,
    phase: (kind, name) => checkPhase(VERBS[kind], name),
  };
}

function printCommand(): Command {
  return settingsOptions(new Command('print'))
    .description('print a whole configuration; with --effective, flags are those of kadm init')
    .argument('[what]', `${WHAT.join(', ')}; with --defaults or --effective nothing`)
    .option('--defaults', 'what holds where nothing is said')
    .option('--effective', 'what kadm init would do here: file, flags and defaults together')
    .addOption(
      listOption(
        '--component-configs <kinds>',
        'with init-defaults: also KubeletConfiguration, KubeProxyConfiguration',
      ),
    )
    .addOption(configOption())
    .action(async (what: string | undefined, options: PrintOptions) => {
      await runVerb('text', async (run) => await print(what, options, run));
    });
}

interface PrintOptions extends InitFlags {
  readonly defaults?: true;
  readonly effective?: true;
  readonly componentConfigs?: readonly string[];
  readonly config?: string;
}

async function print(
  what: string | undefined,
  { defaults, effective, componentConfigs, config, ...flags }: PrintOptions,
  { emit }: VerbRun,
): Promise<string> {
  const chosen = [what, defaults && '--defaults', effective && '--effective'].filter(Boolean);
  if (chosen.length !== 1 || (what !== undefined && !WHAT.some((one) => one === what))) {
    throw new UserError('what is to be printed is not clear', {
      remedy: `give one of ${WHAT.join(', ')}, --defaults, --effective`,
      exitCode: EXIT.usage,
    });
  }
  const [flag] = Object.keys(flags);
  if (effective !== true && flag !== undefined) {
    throw new UserError('flags of kadm init go with --effective', {
      remedy: 'kadm config print --effective FLAGS',
      exitCode: EXIT.usage,
    });
  }
  const { defaultDocuments, initDocuments } = await import('./config-documents.ts');
  if (effective !== true) return await textOf(defaultDocuments(what ?? '--defaults', componentConfigs ?? []));
  const configuration = await loadConfiguration(config);
  for (const message of contradictions(INIT_FLAGS, flags, configuration)) warn(emit, message);
  return await textOf(await initDocuments(flags, configuration.documents));
}

async function textOf(documents: readonly object[]): Promise<string> {
  const { kubeYaml } = await import('../kube/yaml.ts');
  return documents
    .map((document) => kubeYaml(document))
    .join('---\n')
    .trimEnd();
}

function migrateCommand(): Command {
  return new Command('migrate')
    .description('make kubeadm.k8s.io/v1beta4 of a file of v1beta3')
    .requiredOption('--old-config <file>', 'the file as it is')
    .option('--new-config <file>', 'where to write the new one (default: standard output)')
    .action(async (options: { oldConfig: string; newConfig?: string }) => {
      await runVerb('text', async () => await migrateFile(options.oldConfig, options.newConfig));
    });
}

async function migrateFile(old: string, path: string | undefined): Promise<string | undefined> {
  const { migrate } = await import('../config/migrate.ts');
  const { checkConfiguration, notValid } = await import('../config/documents.ts');
  const { text, name } = await needed(old);
  const migrated = migrate(text, name);
  const { problems } = checkConfiguration(migrated, path ?? 'the new configuration');
  if (path === undefined) {
    process.stdout.write(migrated);
    if (problems.length > 0) throw notValid(problems);
    return undefined;
  }
  await refuseToReplace(path, migrated);
  await writeFile(path, migrated, { mode: 0o600 });
  if (problems.length > 0) throw notValid(problems);
  return `${path} is written.`;
}

/** What somebody wrote there is not lost. @throws UserError (usage) */
async function refuseToReplace(path: string, content: string): Promise<void> {
  try {
    if ((await readFile(path, 'utf8')) === content) return;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw new UserError(`--new-config ${path}: ${messageOf(error)}`, { exitCode: EXIT.usage });
  }
  throw new UserError(`--new-config ${path} is there already, with another content`, {
    remedy: 'name another file, or remove that one',
    exitCode: EXIT.usage,
  });
}

function imagesCommand(): Command {
  return new Command('images').description('the images of a cluster').addCommand(
    new Command('list')
      .description('print the images that a control plane with this configuration needs')
      .option('--kubernetes-version <version>', 'Kubernetes to install')
      .option('--image-repository <repository>', 'by which name images are known')
      .addOption(configOption())
      .addOption(outputOption())
      .action(async (options: ImagesOptions) => {
        await runVerb('text', async () => await listImages(options));
      }),
  );
}

interface ImagesOptions {
  readonly kubernetesVersion?: string;
  readonly imageRepository?: string;
  readonly config?: string;
  readonly output: OutputFormat;
}

async function listImages({ config, output, ...flags }: ImagesOptions): Promise<string> {
  const { imagesOf } = await import('./config-documents.ts');
  const images = await imagesOf(config, flags);
  if (output === 'text') return images.join('\n');
  // The same words as kubeadm's, for the programs that read those.
  return JSON.stringify(
    { kind: 'Images', apiVersion: 'output.kubeadm.k8s.io/v1alpha3', images },
    undefined,
    4,
  );
}

/** @throws UserError (usage) when there is nothing to read */
async function needed(file: string | undefined): Promise<{ readonly text: string; readonly name: string }> {
  const source = await readSource(file);
  if (source !== undefined) return source;
  throw new UserError('no configuration is named, and there is none at the usual place', {
    remedy: 'name a file: kadm config validate FILE',
    exitCode: EXIT.usage,
  });
}
