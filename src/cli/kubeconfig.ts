import { Command, Option } from 'commander';
import { configOption, listOption, loadDocuments } from './options.ts';
import { runVerb } from './run.ts';

const DEFAULT_VALIDITY = '8760h0m0s';

const EXAMPLES = `
Examples:
  kadm kubeconfig user --client-name jane --org developers --validity-period 720h > jane.conf
`;

interface UserOptions {
  readonly clientName: string;
  readonly org?: readonly string[];
  readonly validityPeriod: string;
  readonly token?: string;
  readonly config?: string;
}

/** `kadm kubeconfig`: kubeconfigs for people. */
export function kubeconfigCommand(): Command {
  return new Command('kubeconfig')
    .description('make kubeconfigs for more users (on a master)')
    .addCommand(userCommand())
    .addHelpText('after', EXAMPLES);
}

function userCommand(): Command {
  return new Command('user')
    .description('print a kubeconfig for one more user; what they may do is for RBAC to say')
    .requiredOption('--client-name <name>', 'name of the user, the CN of the certificate')
    .addOption(listOption('--org <names>', 'groups of the user, the O of the certificate'))
    .option('--validity-period <duration>', 'how long the certificate is valid', DEFAULT_VALIDITY)
    .addOption(
      new Option('--token <token>', 'a token to use in place of a certificate').conflicts([
        'org',
        'validityPeriod',
      ]),
    )
    .addOption(configOption())
    .action(async (options: UserOptions) => await printUser(options));
}

async function printUser(options: UserOptions): Promise<void> {
  await runVerb('text', async () => {
    const { LocalHost } = await import('../host/host.ts');
    const { requireRoot } = await import('../node/preflight.ts');
    const { duration, endpointWithPort, usage } = await import('../config/values.ts');
    const { userKubeconfig } = await import('../certs/user-kubeconfig.ts');
    if (options.clientName === '') throw usage('--client-name is empty');
    const validitySeconds = duration('--validity-period', options.validityPeriod);
    if (validitySeconds === 0) throw usage('--validity-period 0 makes a certificate that is never valid');
    requireRoot();
    const cluster = (await loadDocuments(options.config)).ClusterConfiguration;
    const endpoint = cluster?.controlPlaneEndpoint;
    const user = {
      clientName: options.clientName,
      organizations: options.org ?? [],
      validitySeconds,
      token: options.token,
    };
    const text = await userKubeconfig(new LocalHost(), user, {
      server: endpoint === undefined ? undefined : `https://${endpointWithPort(endpoint)}`,
      clusterName: cluster?.clusterName,
      keyAlgorithm: cluster?.encryptionAlgorithm,
    });
    return text.trimEnd();
  });
}
