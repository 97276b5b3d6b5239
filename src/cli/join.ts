import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { contradictions, JOIN_FLAGS } from '../config/contradictions.ts';
import { parseDocuments } from '../config/documents.ts';
import type { JoinFlags, JoinSettings } from '../config/join-settings.ts';
import type { Documents } from '../config/schema.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { Joined } from '../join/run.ts';
import {
  configOption,
  configurationInTwo,
  criSocketOption,
  dryRunOption,
  ignorePreflightErrorsOption,
  listOption,
  loadConfiguration,
  outputOption,
  ownHostname,
  patchesOption,
  skipPhasesOption,
} from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun, warn } from './run.ts';
import { acceptNewHostKeysOption, sshOption } from './ssh-options.ts';

const TOLD_TIMEOUT_MS = 15 * 60_000;

const EXAMPLES = `
Examples:
  on the worker:    kadm join 10.0.0.1:6443 --token abcdef.0123456789abcdef \\
                      --discovery-token-ca-cert-hash sha256:...
                    kadm join --config join.yaml --dry-run
  from the master:  kadm join --ssh root@10.0.0.2 --ssh root@10.0.0.3
  a control plane:  kadm join --control-plane --ssh root@10.0.0.2
`;

const PHASE_EXAMPLES = `
Examples:
  kadm join phase
  kadm join phase --control-plane
  kadm join phase preflight --config join.yaml
  kadm join phase kubelet-start 10.0.0.1:6443 --token abcdef.0123456789abcdef \\
    --discovery-token-ca-cert-hash sha256:...
  kadm join phase wait-node-ready --discovery-file /etc/kubernetes/kubelet.conf
`;

interface JoinOptions extends JoinFlags {
  readonly config?: string;
  readonly dryRun?: boolean;
  readonly awaitDiscovery?: boolean;
  readonly ssh?: readonly string[];
  readonly acceptNewHostKeys?: boolean;
  readonly output: OutputFormat;
}

export function joinCommand(): Command {
  const join = withOptions(new Command('join').enablePositionalOptions())
    .description('bring this host into a cluster, or others over SSH')
    .argument('[host:port]', 'the API server to join')
    .option(
      '--await-discovery',
      'with --config -: prepare this host, then read the JoinConfiguration that follows a line `...`',
    )
    .addOption(sshOption('join these hosts instead, from the master; may be repeated'))
    .addOption(acceptNewHostKeysOption())
    .addHelpText('after', EXAMPLES)
    .action(async (endpoint: string | undefined, options: JoinOptions) => {
      await runVerb(options.output, async (run) => {
        const { requireRoot } = await import('../node/preflight.ts');
        requireRoot();
        if (options.ssh !== undefined) return await joinOthers(endpoint, options, run);
        return options.awaitDiscovery === true
          ? await joinWhenTold(endpoint, options, run)
          : await joinHere(endpoint, options, run);
      });
    });
  const phase = withOptions(new Command('phase'))
    .description('run only these phases of join; without a name, list them')
    .argument('[name...]', 'a phase; then perhaps HOST:PORT of the API server')
    .addHelpText('after', PHASE_EXAMPLES)
    .action(async (words: string[], options: JoinOptions) => await runPhase(words, options));
  return join.addCommand(phase);
}

function withOptions(command: Command): Command {
  return command
    .option('--token <token>', 'join token')
    .option('--discovery-token <token>', 'the token by which the cluster proves itself, where it is another')
    .option('--discovery-file <path>', 'a kubeconfig that says where the cluster is, in place of a token')
    .option('--tls-bootstrap-token <token>', 'the one by which this host proves itself, where it is another')
    .addOption(listOption('--discovery-token-ca-cert-hash <hash>', 'sha256:HEX of the cluster’s CA'))
    .option(
      '--discovery-token-unsafe-skip-ca-verification',
      'join without the hash: whoever is in between can be the cluster',
    )
    .option('--node-name <name>', 'name of this node (default: the hostname)')
    .addOption(criSocketOption())
    .addOption(patchesOption())
    .option('--control-plane', 'join as one more control plane')
    .option('--certificate-key <key>', 'the key of the certificates that a control plane uploaded')
    .option(
      '--apiserver-advertise-address <address>',
      'address of this control plane that the others reach (default: by its route to the API server)',
    )
    .option('--apiserver-bind-port <port>', 'port of the API server of this control plane (default: 6443)')
    .addOption(skipPhasesOption())
    .addOption(ignorePreflightErrorsOption())
    .addOption(configOption())
    .addOption(dryRunOption())
    .addOption(outputOption());
}

/** No name of a phase has a dot or a colon, and each address has one. */
const ENDPOINT = /[.:]/;

async function runPhase(words: readonly string[], options: JoinOptions): Promise<void> {
  if (words.length === 0) {
    const { controlPlaneJoinPhases, JOIN_NAMES, joinPhases } = await import('../join/index.ts');
    const { CONTROL_PLANE_NAMES } = await import('../join/control-plane/index.ts');
    const { listOfPhases } = await import('../phases/select.ts');
    const list =
      options.controlPlane === true
        ? listOfPhases(controlPlaneJoinPhases, { ...JOIN_NAMES, ...CONTROL_PLANE_NAMES })
        : listOfPhases(joinPhases, JOIN_NAMES);
    process.stdout.write(`${list}\n`);
    return;
  }
  await runVerb(options.output, async (run) => {
    const { requireRoot } = await import('../node/preflight.ts');
    requireRoot();
    const last = words.at(-1);
    const endpoint = last !== undefined && ENDPOINT.test(last) ? last : undefined;
    const name = (endpoint === undefined ? words : words.slice(0, -1)).join(' ');
    return await joinHere(endpoint, options, run, [name]);
  });
}

async function joinHere(
  endpoint: string | undefined,
  options: JoinOptions,
  run: VerbRun,
  only?: readonly string[],
): Promise<string | undefined> {
  const configuration = await loadConfiguration(options.config);
  const { documents } = configuration;
  const flags = endpoint === undefined ? options : { ...options, endpoint };
  for (const message of contradictions(JOIN_FLAGS, flags, configuration)) warn(run.emit, message);
  const settings = await assignmentFrom(flags, documents);
  const { join } = await import('../join/run.ts');
  const { dryRunReport, hostFor } = await import('./dry-run.ts');
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
async function joinWhenTold(
  endpoint: string | undefined,
  options: JoinOptions,
  run: VerbRun,
): Promise<string | undefined> {
  if (endpoint !== undefined || options.config !== '-' || options.dryRun === true) {
    throw new UserError('--await-discovery goes with --config -, and without an endpoint or a dry run', {
      remedy: 'kadm join --config - --await-discovery',
      exitCode: EXIT.usage,
    });
  }
  const { join } = await import('../join/run.ts');
  const { localEndpoint, workerHostSettings } = await import('../config/join-settings.ts');
  const { refuseDryRunHere } = await import('./dry-run.ts');
  const { LocalHost } = await import('../host/host.ts');
  const { DEFAULT_KUBERNETES_VERSION } = await import('../components/catalog.ts');
  const [first, later] = await configurationInTwo();
  const documents = parseDocuments(first, 'standard input');
  refuseDryRunHere('kadm join --await-discovery', documents);
  const host = new LocalHost();
  const executable = process.execPath;
  const controlPlane = localEndpoint(options, documents);
  const node = await join({
    ...run,
    environment: process.env,
    ...(controlPlane && { controlPlane }),
    settings: workerHostSettings(options, documents, process.env),
    prepareFor: documents.ClusterConfiguration?.kubernetesVersion ?? DEFAULT_KUBERNETES_VERSION,
    assignment: async () => {
      const { JoinConfiguration } = parseDocuments(await inTime(later), 'standard input');
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

/** Whoever started this has given up after so long, perhaps without being able to say so: it holds the host's lock. */
async function inTime(later: Promise<string>): Promise<string> {
  const late = sleep(TOLD_TIMEOUT_MS, undefined, { ref: false }).then(() => {
    throw new UserError('nobody has said within 15 minutes which cluster this host is to join', {
      remedy: 'run the command again that started this',
    });
  });
  return await Promise.race([later, late]);
}

async function assignmentFrom(flags: JoinFlags, documents: Documents): Promise<JoinSettings> {
  const { discoveryFile, joinSettings } = await import('../config/join-settings.ts');
  const { LocalHost } = await import('../host/host.ts');
  const { addressTowardsHost } = await import('../host/network.ts');
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
  const { credentialsFrom } = await import('../pki/kubeconfig.ts');
  const text = (await host.readFile(path))?.toString('utf8');
  return text === undefined ? undefined : new URL(credentialsFrom(text).server).host;
}

function joined({ nodeName, network }: Joined): string {
  return network
    ? `This host is node ${nodeName} of the cluster, and Ready.`
    : `This host is node ${nodeName} of the cluster; it becomes Ready with the pod network of that cluster.`;
}

async function joinOthers(endpoint: string | undefined, options: JoinOptions, run: VerbRun): Promise<string> {
  const { token, nodeName, discoveryTokenCaCertHash, certificateKey } = options;
  const { apiserverAdvertiseAddress: address, apiserverBindPort: port } = options;
  const only = endpoint ?? token ?? nodeName ?? discoveryTokenCaCertHash ?? certificateKey ?? address ?? port;
  if (only !== undefined) {
    throw new UserError(
      '--ssh goes without an endpoint, --token, --node-name, --discovery-token-ca-cert-hash, --certificate-key, --apiserver-advertise-address and --apiserver-bind-port',
      {
        remedy: 'the master that this runs on knows them: kadm join --ssh root@WORKER',
        exitCode: EXIT.usage,
      },
    );
  }
  if (options.dryRun === true) {
    const { refuseDryRun } = await import('./dry-run.ts');
    refuseDryRun('kadm join --dry-run ...');
  }
  const { joinFromMaster } = await import('./join-from-master.ts');
  const hosts = options.ssh ?? [];
  await joinFromMaster(hosts, options, run);
  return `${hosts.length === 1 ? 'The host has' : `All ${hosts.length} hosts have`} joined. See them: kubectl get nodes`;
}
