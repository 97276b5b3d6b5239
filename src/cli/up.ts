import { Command } from 'commander';
import type { Documents } from '../config/schema.ts';
import { EXIT, UserError } from '../errors.ts';
import type { FleetHost } from '../fleet/fleet-host.ts';
import { loadDocuments, outputOption } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun } from './run.ts';
import { acceptNewHostKeysOption } from './ssh-options.ts';

const EXAMPLES = `
Examples:
  kadm up                    # at a terminal: asks for the hosts, and writes cluster.yaml
  kadm up -f cluster.yaml
  kadm up -f cluster.yaml --accept-new-host-keys --output json

cluster.yaml, at its shortest:
  apiVersion: kadm.io/v1
  kind: Cluster
  spec:
    hosts:
      - { address: 10.0.0.10, role: control-plane }
      - { address: "10.0.0.[11-40]" }
`;

interface UpOptions {
  readonly file?: string;
  readonly prune?: boolean;
  readonly acceptNewHostKeys?: boolean;
  readonly output: OutputFormat;
}

export function upCommand(): Command {
  return new Command('up')
    .description('make the machines of a file a cluster, over SSH; again: whatever of it is missing')
    .option('-f, --file <file>', 'configuration documents with spec.hosts, - for standard input')
    .option('--prune', 'take nodes that the file does not name out of the cluster, and reset them')
    .addOption(acceptNewHostKeysOption())
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(async (options: UpOptions) => {
      await runVerb(options.output, async (run) => await upOrAsk(options, run));
    });
}

async function upOrAsk(options: UpOptions, run: VerbRun): Promise<string> {
  const { askForCluster, hasNoFile } = await import('./ask-cluster.ts');
  if (!(await hasNoFile(options.file))) return await up(options, run);
  const { file, now } = await askForCluster(options, run);
  return now ? await up({ ...options, file }, run) : `To make it: kadm up -f ${file}`;
}

async function up(options: UpOptions, run: VerbRun): Promise<string> {
  const { hostEntries } = await import('../config/hosts.ts');
  const { up: bringUp } = await import('../fleet/up.ts');
  const { welcomeOf } = await import('./up-welcome.ts');
  const { fleetHosts } = await import('./fleet-hosts.ts');
  const { refuseDryRunOf } = await import('./dry-run.ts');
  const { targetOfNode } = await import('./chosen-hosts.ts');
  const { summary } = await import('../fleet/hosts.ts');
  const { ownExecutable, targetContext, withConnector } = await import('./ssh-options.ts');
  const documents = await loadDocuments(options.file);
  refuseDryRunOf(documents);
  const hosts = await fleetHosts(hostEntries(documents));
  const { controlPlane, masters, workers } = byRole(hosts, documents);
  const [another] = [...masters, ...workers];
  if (hosts.some(({ local }) => local)) {
    const { requireRoot } = await import('../node/preflight.ts');
    requireRoot();
  }
  const executable = await ownExecutable();
  const context = await targetContext();
  const results = await withConnector(options, run, async (connector) =>
    bringUp({
      controlPlane,
      masters,
      workers,
      documents,
      remote: { connector, executable },
      welcome: (session, host, emit) =>
        welcomeOf(session, host, another, documents, executable, { emit, signal: run.signal }),
      prune: options.prune === true,
      targetOf: (node) => targetOfNode(node, context),
      ...run,
    }),
  );
  const where = controlPlane.local ? '' : ` on ${controlPlane.target.name}`;
  return `${summary(results)}\nThe cluster is up: ${hosts.length} nodes. See them${where}: kubectl get nodes`;
}

interface Roles {
  /** The first one. */
  readonly controlPlane: FleetHost;
  readonly masters: readonly FleetHost[];
  readonly workers: readonly FleetHost[];
}

/** @throws UserError (usage) for a file without a control plane, or with several that share no name */
function byRole(hosts: readonly FleetHost[], { ClusterConfiguration: cluster }: Documents): Roles {
  const all = hosts.filter(({ entry }) => entry.role === 'control-plane');
  const [controlPlane, ...masters] = all;
  if (controlPlane === undefined) {
    throw new UserError(
      hosts.length === 0 ? 'the configuration names no hosts' : 'no host is to be a control plane',
      {
        remedy: 'name one host with `role: control-plane` in Cluster.spec.hosts (kadm up --help shows how)',
        exitCode: EXIT.usage,
      },
    );
  }
  if (masters.length > 0 && !cluster?.controlPlaneEndpoint) {
    throw new UserError(`${all.length} hosts are to be control planes, and nothing leads to all of them`, {
      remedy:
        'name it in ClusterConfiguration.controlPlaneEndpoint: a DNS name or address that can lead to each of them',
      exitCode: EXIT.usage,
    });
  }
  return { controlPlane, masters, workers: hosts.filter((host) => !all.includes(host)) };
}
