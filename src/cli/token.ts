import { Command, Option } from 'commander';
import { checkCertificateKey, duration } from '../config/values.ts';
import { EXIT, UserError } from '../errors.ts';
import { revokeTokens } from '../kube/token-revocation.ts';
import { createToken, listTokens, type TokenInfo } from '../kube/tokens.ts';
import { caCertificateHash } from '../pki/ca-pin.ts';
import {
  checkCanJoin,
  checkTokenGroups,
  generateToken,
  parseToken,
  parseTokenUsages,
  TOKEN_USAGES,
  type TokenOptions,
  tokenExpiry,
} from '../pki/token.ts';
import { onMaster } from './cluster-access.ts';
import { listOption, outputOption } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun, warn } from './run.ts';
import { humanDuration, table } from './table.ts';

const DEFAULT_TTL = '24h0m0s';

const EXAMPLES = `
Examples:
  kadm token create --print-join-command
  kadm token create --ttl 2h --description 'for rack 7'
  kadm token create --usages signing --ttl 30m
  kadm token list
  kadm token delete abcdef
`;

/** `kadm token`: join tokens, as kubeadm's. */
export function tokenCommand(): Command {
  return new Command('token')
    .description('make, list and revoke join tokens (on a master)')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(deleteCommand())
    .addCommand(generateCommand())
    .addHelpText('after', EXAMPLES);
}

function kubeconfigOption(): Option {
  return new Option(
    '--kubeconfig <file>',
    'of an administrator of the cluster (default: /etc/kubernetes/admin.conf)',
  );
}

function createCommand(): Command {
  return new Command('create')
    .description('make a join token')
    .argument('[token]', 'made up when left out')
    .option('--ttl <duration>', 'how long it is valid; 0 for ever', DEFAULT_TTL)
    .option('--description <text>', 'what it is for', 'made by kadm token create')
    .addOption(listOption('--usages <names>', 'signing, authentication (default: both)'))
    .addOption(
      listOption('--groups <names>', 'groups of whoever calls with it (default: those of joining nodes)'),
    )
    .option('--print-join-command', 'print the whole command that joins a worker')
    .option('--certificate-key <key>', 'with --print-join-command: print the one that joins a control plane')
    .addOption(kubeconfigOption())
    .addOption(outputOption())
    .action(async (given: string | undefined, options: CreateOptions) => {
      await runVerb(options.output, async ({ emit }) => await create(given, options, emit));
    });
}

interface CreateOptions {
  readonly ttl: string;
  readonly usages?: readonly string[];
  readonly groups?: readonly string[];
  readonly description: string;
  readonly printJoinCommand?: true;
  readonly certificateKey?: string;
  readonly kubeconfig?: string;
  readonly output: OutputFormat;
}

async function create(
  given: string | undefined,
  options: CreateOptions,
  emit: VerbRun['emit'],
): Promise<string> {
  const text = given ?? generateToken();
  if (options.certificateKey !== undefined) checkCertificateKey(options.certificateKey);
  const token = parseToken(text, 'make');
  const wanted = tokenOptions(options);
  return await onMaster(async ({ client, server, caPem }) => {
    await createToken(client, token, wanted);
    const command = { endpoint: new URL(server).host, token: text, caCertHash: caCertificateHash(caPem) };
    if (options.output === 'json') emit({ type: 'result', path: [], result: { joinCommand: command } });
    if (options.printJoinCommand !== true) return text;
    const { certificateKey } = options;
    const asControlPlane =
      certificateKey === undefined ? '' : ` --control-plane --certificate-key ${certificateKey}`;
    return `kadm join ${command.endpoint} --token ${text} --discovery-token-ca-cert-hash ${command.caCertHash}${asControlPlane}`;
  }, options.kubeconfig);
}

function tokenOptions({ ttl, usages, groups, description, printJoinCommand }: CreateOptions): TokenOptions {
  const parsed = usages === undefined ? TOKEN_USAGES : parseTokenUsages(usages);
  if (printJoinCommand === true) checkCanJoin(parsed);
  if (groups !== undefined) checkTokenGroups(groups, parsed);
  return {
    expires: tokenExpiry(duration('--ttl', ttl)),
    description,
    usages: parsed,
    ...(groups === undefined ? {} : { groups }),
  };
}

function listCommand(): Command {
  return new Command('list')
    .description('show the tokens that there are; not their secrets')
    .addOption(kubeconfigOption())
    .addOption(outputOption())
    .action(async ({ output, kubeconfig }: { output: OutputFormat; kubeconfig?: string }) => {
      await runVerb(output, async ({ emit }) => {
        const tokens = await onMaster(async ({ client }) => await listTokens(client), kubeconfig);
        if (output === 'json') emit({ type: 'result', path: [], result: { tokens } });
        return tokens.length === 0 ? 'There are no join tokens' : tokenTable(tokens, new Date());
      });
    });
}

function deleteCommand(): Command {
  return new Command('delete')
    .description('revoke tokens')
    .argument('<ids...>', 'the first part of each token, or the whole of it')
    .addOption(kubeconfigOption())
    .action(async (ids: string[], { kubeconfig }: { kubeconfig?: string }) => {
      await runVerb('text', async ({ emit }) => {
        const wanted = [...new Set(ids.map(idOf))];
        await onMaster(async ({ client, caPem }) => {
          await revokeTokens(client, wanted, caPem, (message) => warn(emit, message));
        }, kubeconfig);
        return `Revoked: ${wanted.join(', ')}`;
      });
    });
}

function generateCommand(): Command {
  return new Command('generate')
    .description('print a new token without telling the cluster, for kadm init --token')
    .action(() => void process.stdout.write(`${generateToken()}\n`));
}

/** @throws UserError (usage) without repeating what may be a secret */
function idOf(text: string): string {
  const [, id] = /^([a-z0-9]{6})(\.[a-z0-9]{16})?$/.exec(text) ?? [];
  if (id !== undefined) return id;
  throw new UserError('this is not a token or the first part of one', {
    remedy: '`kadm token list` shows them: six small letters and digits',
    exitCode: EXIT.usage,
  });
}

/** The table of `kubeadm token list`, without the second half of the tokens. */
export function tokenTable(tokens: readonly TokenInfo[], now: Date): string {
  const ttl = (expires: string): string => {
    const seconds = Math.floor((Date.parse(expires) - now.getTime()) / 1000);
    return seconds <= 0 ? 'expired' : humanDuration(seconds);
  };
  const list = (values: readonly string[]): string => (values.length === 0 ? '<none>' : values.join(','));
  const rows = tokens.map(({ id, expires, usages, description, groups }) => [
    id,
    expires === undefined ? '<forever>' : ttl(expires),
    expires ?? '<never>',
    list([...usages].sort()),
    description === '' ? '<none>' : description,
    list(groups),
  ]);
  return table([['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'], ...rows]);
}
