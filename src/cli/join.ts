import { Command } from 'commander';
import { EXIT, UserError } from '../errors.ts';
import type { JoinHereOptions } from './join-here.ts';
import {
  configOption,
  criSocketOption,
  dryRunOption,
  ignorePreflightErrorsOption,
  listOption,
  outputOption,
  patchesOption,
  skipPhasesOption,
} from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun } from './run.ts';
import { acceptNewHostKeysOption, sshOption } from './ssh-options.ts';

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

interface JoinOptions extends JoinHereOptions {
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
        const { joinHere, joinWhenTold } = await import('./join-here.ts');
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
    const join = await import('../join/index.ts');
    const { listOfPhases } = await import('../phases/select.ts');
    const list =
      options.controlPlane === true
        ? listOfPhases(join.controlPlaneJoinPhases, join.CONTROL_PLANE_JOIN_NAMES)
        : listOfPhases(join.joinPhases, join.JOIN_NAMES);
    process.stdout.write(`${list}\n`);
    return;
  }
  await runVerb(options.output, async (run) => {
    const { requireRoot } = await import('../node/preflight.ts');
    requireRoot();
    const last = words.at(-1);
    const endpoint = last !== undefined && ENDPOINT.test(last) ? last : undefined;
    const name = (endpoint === undefined ? words : words.slice(0, -1)).join(' ');
    const { joinHere } = await import('./join-here.ts');
    return await joinHere(endpoint, options, run, [name]);
  });
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
