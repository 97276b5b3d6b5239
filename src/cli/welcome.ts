import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { DEFAULT_KUBERNETES_VERSION } from '../components/catalog.ts';
import { parseDocuments } from '../config/documents.ts';
import type { Documents } from '../config/schema.ts';
import { welcomeRequest } from '../fleet/remote-welcome.ts';
import { Welcome, type WelcomeOptions } from '../fleet/welcome.ts';
import { LocalHost } from '../host/host.ts';
import { addressTowards, addressTowardsHost } from '../host/network.ts';
import { componentsFrom } from '../node/component-source.ts';
import { requireRoot } from '../node/preflight.ts';
import type { Executable } from '../ssh/remote-run.ts';
import { adminAccess } from './cluster-access.ts';
import { outputOption } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun } from './run.ts';
import { ownExecutable } from './ssh-options.ts';

/** `kadm welcome`: what `kadm up` runs on the control plane while workers join. Not for people. */
export function welcomeCommand(): Command {
  return new Command('welcome')
    .description('serve components and a join token while `kadm up` needs them')
    .addOption(outputOption())
    .action(async ({ output }: { output: OutputFormat }) => {
      await runVerb(output, async (run) => {
        requireRoot();
        await welcome(run);
        return undefined;
      });
    });
}

async function welcome({ emit }: VerbRun): Promise<void> {
  let here: Welcome | undefined;
  const answer = (result: Record<string, unknown>): void => emit({ type: 'result', path: [], result });
  try {
    for await (const line of createInterface({ input: process.stdin })) {
      const request = welcomeRequest.parse(JSON.parse(line));
      if ('open' in request) {
        const { config, kubernetesVersion, towards } = request.open;
        const documents = parseDocuments(config, 'configuration');
        here = await Welcome.open({
          ...(await welcomeOptions(documents, towards, await ownExecutable())),
          kubernetesVersion,
        });
        answer({ offer: here.offer });
      } else if ('admit' in request) answer({ pin: await here?.admit(request.admit) });
      else {
        await here?.expect(request.expect);
        answer({ expected: true });
      }
    }
  } finally {
    await here?.close();
  }
}

/**
 * How this host receives workers.
 * @param towards a name or address of a worker, if there is any
 */
export async function welcomeOptions(
  documents: Documents,
  towards: string | undefined,
  executable: Executable,
): Promise<WelcomeOptions> {
  const host = new LocalHost();
  const facing = towards === undefined ? undefined : await addressTowardsHost(host, towards);
  const advertised = documents.InitConfiguration?.localAPIEndpoint?.advertiseAddress;
  return {
    executable,
    store: componentsFrom(documents.Cluster?.spec.components?.source).store,
    access: adminAccess,
    kubernetesVersion: documents.ClusterConfiguration?.kubernetesVersion ?? DEFAULT_KUBERNETES_VERSION,
    // An address of the documentation range: nothing is sent, the routing table answers (RFC 5737).
    address: facing ?? advertised ?? (await addressTowards(host, '192.0.2.1')) ?? '127.0.0.1',
  };
}
