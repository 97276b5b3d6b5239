import { Command } from 'commander';
import { duration } from '../config/values.ts';
import { EXIT, UserError } from '../errors.ts';
import { createToken, deleteToken, listTokens, type TokenInfo } from '../kube/tokens.ts';
import { caCertificateHash } from '../pki/ca-pin.ts';
import { generateToken, parseToken, tokenExpiry } from '../pki/token.ts';
import { adminAccess, notAMaster } from './cluster-access.ts';
import { outputOption } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb } from './run.ts';
import { textTable } from './text-table.ts';

const DEFAULT_TTL = '24h0m0s';

const EXAMPLES = `
Examples:
  kadm token create --print-join-command
  kadm token create --ttl 2h --description 'for rack 7'
  kadm token list
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

function createCommand(): Command {
  return new Command('create')
    .description('make a join token')
    .argument('[token]', 'made up when left out')
    .option('--ttl <duration>', 'how long it is valid; 0 for ever', DEFAULT_TTL)
    .option('--description <text>', 'what it is for', 'made by kadm token create')
    .option('--print-join-command', 'print the whole command that joins a worker')
    .action(async (given: string | undefined, options: CreateOptions) => {
      await runVerb('text', async () => await create(given, options));
    });
}

interface CreateOptions {
  readonly ttl: string;
  readonly description: string;
  readonly printJoinCommand?: true;
}

async function create(given: string | undefined, options: CreateOptions): Promise<string> {
  const text = given ?? generateToken();
  const token = parseToken(text);
  const expires = tokenExpiry(duration('--ttl', options.ttl));
  return await onMaster(async ({ client, server, caPem }) => {
    await createToken(client, token, { expires, description: options.description });
    if (options.printJoinCommand !== true) return text;
    const endpoint = new URL(server).host;
    return `kadm join ${endpoint} --token ${text} --discovery-token-ca-cert-hash ${caCertificateHash(caPem)}`;
  });
}

function listCommand(): Command {
  return new Command('list')
    .description('show the tokens that there are; not their secrets')
    .addOption(outputOption())
    .action(async ({ output }: { output: OutputFormat }) => {
      await runVerb(output, async ({ emit }) => {
        const tokens = await onMaster(async ({ client }) => await listTokens(client));
        if (output === 'json') emit({ type: 'result', path: [], result: { tokens } });
        return tokens.length === 0 ? 'There are no join tokens' : table(tokens);
      });
    });
}

function deleteCommand(): Command {
  return new Command('delete')
    .description('revoke tokens')
    .argument('<ids...>', 'the first part of each token, or the whole of it')
    .action(async (ids: string[]) => {
      await runVerb('text', async () => {
        const wanted = ids.map(idOf);
        await onMaster(async ({ client }) => {
          for (const id of wanted) await deleteToken(client, id);
        });
        return `Revoked: ${wanted.join(', ')}`;
      });
    });
}

function generateCommand(): Command {
  return new Command('generate')
    .description('print a new token without telling the cluster, for kadm init --token')
    .action(() => void process.stdout.write(`${generateToken()}\n`));
}

type Access = NonNullable<Awaited<ReturnType<typeof adminAccess>>>;

async function onMaster<T>(work: (access: Access) => Promise<T>): Promise<T> {
  const access = await adminAccess();
  if (access === undefined) throw notAMaster();
  try {
    return await work(access);
  } finally {
    access.client.close();
  }
}

/** @throws UserError (usage) without repeating what may be a secret */
function idOf(text: string): string {
  const id = text.split('.')[0] ?? '';
  if (/^[a-z0-9]{6}$/.test(id)) return id;
  throw new UserError('this is not a token or the first part of one', {
    remedy: '`kadm token list` shows them: six small letters and digits',
    exitCode: EXIT.usage,
  });
}

function table(tokens: readonly TokenInfo[]): string {
  const rows = tokens.map(({ id, expires, description }) => [id, expires ?? 'never', description]);
  const all = [['TOKEN', 'EXPIRES', 'DESCRIPTION'], ...rows];
  return textTable(all);
}
