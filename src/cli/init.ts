import { Command } from 'commander';
import { contradictions, INIT_FLAGS } from '../config/contradictions.ts';
import type { InitFlags } from '../config/settings.ts';
import { EXIT, UserError } from '../errors.ts';
import type { JoinCommand } from '../init/context.ts';
import type { InitResult } from '../init/run.ts';
import type { Emit } from '../phases/events.ts';
import {
  configOption,
  criSocketOption,
  defaultAddress,
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
import { runVerb, warn } from './run.ts';

const EXAMPLES = `
Examples:
  kadm init
  kadm init --pod-network-cidr 10.10.0.0/16 --apiserver-advertise-address 10.0.0.1
  kadm init --pod-network-cidr 10.244.0.0/16,fd00:10:244::/56 --service-cidr 10.96.0.0/16,fd00:10:96::/112
  kadm init --network-backend auto
  kadm init --config cluster.yaml --output json
  kadm init --control-plane-endpoint k8s.example.org --upload-certs
  kadm init --dry-run
`;

const PHASE_EXAMPLES = `
Examples:
  kadm init phase
  kadm init phase certs all
  kadm init phase certs apiserver --apiserver-cert-extra-sans api.example.org
  kadm init phase control-plane apiserver --config cluster.yaml
  kadm init phase addon all --dry-run
  kadm init phase upload-certs
`;

interface InitOptions extends InitFlags {
  readonly config?: string;
  readonly dryRun?: boolean;
  readonly skipTokenPrint?: boolean;
  readonly skipCertificateKeyPrint?: boolean;
  readonly output: OutputFormat;
}

export function initCommand(): Command {
  const init = withOptions(new Command('init').enablePositionalOptions())
    .description('make this host the first control plane of a new cluster')
    .addHelpText('after', EXAMPLES)
    .action(async (options: InitOptions) => await runInit(options));
  const phase = withOptions(new Command('phase'))
    .description('run only these phases of init; without a name, list them')
    .argument(
      '[name...]',
      'a phase, a part of one, such as certs ca, or kubeadm’s name of several, such as control-plane',
    )
    .addHelpText('after', PHASE_EXAMPLES)
    .action(async (words: string[], options: InitOptions) => {
      await (words.length === 0 ? listPhases() : runInit(options, [words.join(' ')]));
    });
  return init.addCommand(phase);
}

async function listPhases(): Promise<void> {
  const { INIT_NAMES, initPhases } = await import('../init/index.ts');
  const { listOfPhases } = await import('../phases/select.ts');
  process.stdout.write(`${listOfPhases(initPhases, INIT_NAMES)}\n`);
}

function withOptions(command: Command): Command {
  return settingsOptions(command)
    .option('--skip-token-print', 'do not print the join token at the end')
    .option('--upload-certs', 'keep the certificates in the cluster, encrypted, for further control planes')
    .option('--certificate-key <key>', 'the key that encrypts them (default: made up)')
    .option('--skip-certificate-key-print', 'do not print the key of uploaded certificates')
    .addOption(configOption())
    .addOption(dryRunOption())
    .addOption(outputOption());
}

/** The flags that a configuration has a field for. */
export function settingsOptions(command: Command): Command {
  return command
    .option(
      '--apiserver-advertise-address <address>',
      'address of this host that the others reach (default: by its default route)',
    )
    .option('--apiserver-bind-port <port>', 'port of the API server (default: 6443)')
    .option(
      '--pod-network-cidr <cidr>',
      'addresses of pods, of one family or of both: v4,v6 (default: 10.244.0.0/16)',
    )
    .option(
      '--service-cidr <cidr>',
      'addresses of Services, of one family or of both: v4,v6 (default: 10.96.0.0/12)',
    )
    .option('--service-dns-domain <domain>', 'domain of Services (default: cluster.local)')
    .option('--kubernetes-version <version>', 'Kubernetes to install')
    .option('--node-name <name>', 'name of this node (default: the hostname)')
    .option('--image-repository <repository>', 'by which name images are known (default: registry.k8s.io)')
    .option('--feature-gates <pairs>', 'kubeadm’s own switches, as NAME=true,NAME=false')
    .addOption(
      listOption('--apiserver-cert-extra-sans <names>', 'further names in the API server’s certificate'),
    )
    .option('--cert-dir <path>', 'where the certificates are (default: /etc/kubernetes/pki)')
    .addOption(criSocketOption())
    .addOption(patchesOption())
    .option('--token <token>', 'the first join token (default: made up)')
    .option('--token-ttl <duration>', 'how long it is valid; 0 for ever (default: 24h0m0s)')
    .option('--control-plane-endpoint <host:port>', 'stable name or address of the API server')
    .option('--network-backend <backend>', 'pod network: vxlan, host-gw, auto or none (default: vxlan)')
    .option('--network-port <port>', 'UDP port of its tunnels (default: 8472)')
    .option('--network-vni <number>', 'VXLAN network identifier (default: 1)')
    .addOption(skipPhasesOption())
    .addOption(ignorePreflightErrorsOption());
}

async function runInit(options: InitOptions, only?: readonly string[]): Promise<void> {
  await runVerb(options.output, async ({ emit, signal }) => {
    const { init } = await import('../init/run.ts');
    const { requireRoot } = await import('../node/preflight.ts');
    const { unknownChecks } = await import('../node/check-names.ts');
    const { initSettings } = await import('../config/settings.ts');
    const { dryRunReport, hostFor } = await import('./dry-run.ts');
    const { DEFAULT_KUBERNETES_VERSION } = await import('../components/catalog.ts');
    if (options.dryRun !== true && options.config === undefined) requireRoot();
    const configuration = await loadConfiguration(options.config);
    const { documents } = configuration;
    for (const message of contradictions(INIT_FLAGS, options, configuration)) warn(emit, message);
    const services = options.serviceCidr ?? documents.ClusterConfiguration?.networking?.serviceSubnet;
    const address = await defaultAddress(services);
    const facts = { hostname: ownHostname(), defaultAddress: address, environment: process.env };
    const dryRun = options.dryRun ?? documents.InitConfiguration?.dryRun ?? false;
    if (!dryRun) requireRoot();
    const settings = initSettings(options, documents, facts, DEFAULT_KUBERNETES_VERSION);
    checkUpload(options.uploadCerts === true, settings.skipPhases);
    for (const message of unknownChecks(settings.ignorePreflightErrors)) warn(emit, message);
    if (settings.uploadCerts && settings.controlPlaneEndpoint === undefined && only === undefined)
      warn(emit, 'without --control-plane-endpoint no further control plane can join this cluster');
    const host = hostFor(dryRun);
    const executable = process.execPath;
    const shown = hiding(options, emit);
    const result = await init({
      settings,
      host,
      executable,
      emit: shown,
      signal,
      ...(only && { only }),
    });
    if (dryRun) return dryRunReport(host, emit);
    return afterInit(result, options, settings.controlPlaneEndpoint !== undefined);
  });
}

/**
 * A file may ask for the upload and a run leave it out; a command that says both is a mistake.
 * @throws UserError (usage)
 */
export function checkUpload(asked: boolean, skipPhases: readonly string[]): void {
  if (!asked || !skipPhases.includes('upload-certs')) return;
  throw new UserError('--upload-certs asks for the phase upload-certs, which is to be skipped', {
    remedy: 'leave out --upload-certs, or upload-certs in --skip-phases (skipPhases in the configuration)',
    exitCode: EXIT.usage,
  });
}

/** Results without what is not to be printed. */
function hiding(options: InitOptions, emit: Emit): Emit {
  return (event) => {
    if (event.type !== 'result') return emit(event);
    const { joinCommand, certificateKey, ...others } = event.result as InitResult;
    const { token, ...command } = joinCommand ?? {};
    const result = {
      ...others,
      ...(joinCommand && {
        joinCommand: options.skipTokenPrint === true ? command : { ...command, token },
      }),
      ...(certificateKey !== undefined && options.skipCertificateKeyPrint !== true && { certificateKey }),
    };
    if (Object.keys(result).length > 0) emit({ ...event, result });
  };
}

/** What a person is to know at the end. */
function afterInit(
  { joinCommand, certificateKey }: InitResult,
  options: InitOptions,
  stableEndpoint: boolean,
): string | undefined {
  const key = options.skipCertificateKeyPrint === true ? 'KEY' : certificateKey;
  if (joinCommand === undefined) {
    return certificateKey === undefined
      ? undefined
      : `The certificates can be had for two hours with the key\n\n  ${key}`;
  }
  const command = options.skipTokenPrint === true ? { ...joinCommand, token: 'TOKEN' } : joinCommand;
  const withKey = certificateKey !== undefined && stableEndpoint;
  return `${afterFirst(command)}${withKey ? forControlPlanes(command, key) : ''}`;
}

function forControlPlanes(command: JoinCommand, key = ''): string {
  return `

To add control planes, from here over SSH:

  kadm join --control-plane --ssh root@HOST

or, within two hours, on each of them:

  kadm join ${command.endpoint} --token ${command.token} \\
    --discovery-token-ca-cert-hash ${command.caCertHash} \\
    --control-plane --certificate-key ${key}`;
}

function afterFirst(command: JoinCommand): string {
  return `
The control plane is up. kubectl works here at once for root; elsewhere copy /etc/kubernetes/admin.conf:

  kubectl get nodes

To add workers, from here over SSH:

  kadm join --ssh root@WORKER

or on each of them:

  kadm join ${command.endpoint} --token ${command.token} \\
    --discovery-token-ca-cert-hash ${command.caCertHash}
`.trimEnd();
}
