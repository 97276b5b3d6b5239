import { DEFAULT_KUBERNETES_VERSION } from '../components/catalog.ts';
import { contradictions, JOIN_FLAGS } from '../config/contradictions.ts';
import { parseDocuments } from '../config/documents.ts';
import {
  discoveryFile,
  type JoinFlags,
  type JoinSettings,
  joinSettings,
  localEndpoint,
  workerHostSettings,
} from '../config/join-settings.ts';
import type { Documents } from '../config/schema.ts';
import { EXIT, UserError } from '../errors.ts';
import { type Host, LocalHost } from '../host/host.ts';
import { addressTowardsHost } from '../host/network.ts';
import { type Joined, join } from '../join/run.ts';
import { unknownChecks } from '../node/check-names.ts';
import { credentialsIn } from '../pki/kubeconfig.ts';
import { dryRunReport, hostFor, refuseDryRunHere } from './dry-run.ts';
import { configurationInTwo, loadConfiguration, ownHostname } from './options.ts';
import { type VerbRun, warn } from './run.ts';

/** How `kadm join` was called, as far as it concerns the host on which it runs. */
export interface JoinHereOptions extends JoinFlags {
  readonly config?: string;
  readonly dryRun?: boolean;
}

/**
 * `kadm join` on this host.
 * @param only names of the phases to run alone
 * @returns what became of it, for people
 */
export async function joinHere(
  endpoint: string | undefined,
  options: JoinHereOptions,
  run: VerbRun,
  only?: readonly string[],
): Promise<string | undefined> {
  const configuration = await loadConfiguration(options.config);
  const { documents } = configuration;
  const flags = endpoint === undefined ? options : { ...options, endpoint };
  for (const message of contradictions(JOIN_FLAGS, flags, configuration)) warn(run.emit, message);
  const settings = await assignmentFrom(flags, documents);
  for (const message of unknownChecks(settings.ignorePreflightErrors)) warn(run.emit, message);
  const host = hostFor(options.dryRun ?? documents.JoinConfiguration?.dryRun ?? false);
  const executable = process.execPath;
  const assignment = async (): Promise<JoinSettings> => settings;
  const { controlPlane } = settings;
  const node = await join({
    ...run,
    settings,
    assignment,
    host,
    executable,
    environment: process.env,
    ...(only && { only }),
    ...(controlPlane && { controlPlane }),
  });
  return node === undefined ? dryRunReport(host, run.emit) : joined(node);
}

/** What `kadm up` runs on a worker: the cluster may still be coming up meanwhile. */
export async function joinWhenTold(
  endpoint: string | undefined,
  options: JoinHereOptions,
  run: VerbRun,
): Promise<string | undefined> {
  if (endpoint !== undefined || options.config !== '-' || options.dryRun === true) {
    throw new UserError('--await-discovery goes with --config -, and without an endpoint or a dry run', {
      remedy: 'kadm join --config - --await-discovery',
      exitCode: EXIT.usage,
    });
  }
  const [first, later] = await configurationInTwo(run.signal);
  const documents = parseDocuments(first, 'standard input');
  refuseDryRunHere('kadm join --await-discovery', documents);
  const host = new LocalHost();
  const executable = process.execPath;
  const controlPlane = localEndpoint(options, documents);
  const settings = workerHostSettings(options, documents, process.env);
  for (const message of unknownChecks(settings.ignorePreflightErrors)) warn(run.emit, message);
  const node = await join({
    ...run,
    environment: process.env,
    ...(controlPlane && { controlPlane }),
    settings,
    prepareFor: documents.ClusterConfiguration?.kubernetesVersion ?? DEFAULT_KUBERNETES_VERSION,
    assignment: async () => {
      const { JoinConfiguration } = parseDocuments(await later, 'standard input');
      return await assignmentFrom(options, {
        ...documents,
        ...(JoinConfiguration === undefined ? {} : { JoinConfiguration }),
      });
    },
    host,
    executable,
  }).finally(() => {
    // After a failure nobody reads what may still come, and an open input would keep this process.
    process.stdin.destroy();
  });
  return node && joined(node);
}

async function assignmentFrom(flags: JoinFlags, documents: Documents): Promise<JoinSettings> {
  const host = new LocalHost();
  const file = discoveryFile(flags, documents);
  const server =
    file === undefined
      ? (flags.endpoint ?? documents.JoinConfiguration?.discovery?.bootstrapToken?.apiServerEndpoint)
      : await serverIn(host, file);
  const defaultAddress = server === undefined ? undefined : await addressTowardsHost(host, server);
  return joinSettings(flags, documents, {
    hostname: ownHostname(),
    defaultAddress,
    ...(server === undefined ? {} : { server }),
    environment: process.env,
  });
}

/** host:port of the API server that a kubeconfig names; undefined where there is none, which discovery tells. */
async function serverIn(host: Host, path: string): Promise<string | undefined> {
  const text = (await host.readFile(path))?.toString('utf8');
  return text === undefined ? undefined : new URL(credentialsIn(path, text).server).host;
}

function joined({ nodeName, network }: Joined): string {
  return network
    ? `This host is node ${nodeName} of the cluster, and Ready.`
    : `This host is node ${nodeName} of the cluster; it becomes Ready with the pod network of that cluster.`;
}
