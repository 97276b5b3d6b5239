import { joinHosts } from '../fleet/join.ts';
import { closeReception, Welcome } from '../fleet/welcome.ts';
import { adminAccess, notAMaster } from './cluster-access.ts';
import { loadDocuments } from './options.ts';
import type { VerbRun } from './run.ts';
import { ownExecutable, targetsFrom, withConnector } from './ssh-options.ts';
import { welcomeOptions } from './welcome.ts';

/** `kadm join --ssh`: everything that the workers need is known on the master. */
export async function joinFromMaster(
  hosts: readonly string[],
  options: {
    readonly config?: string;
    readonly acceptNewHostKeys?: boolean;
    readonly ignorePreflightErrors?: readonly string[];
  },
  run: VerbRun,
): Promise<void> {
  const targets = await targetsFrom(hosts);
  const documents = await loadDocuments(options.config);
  const access = await adminAccess();
  if (access === undefined) throw notAMaster();
  access.client.close();
  const executable = await ownExecutable();
  const welcome = await Welcome.open(await welcomeOptions(documents, targets[0]?.host, executable));
  try {
    await withConnector(options, run, async (connector) => {
      const ignorePreflightErrors = options.ignorePreflightErrors ?? [];
      const remote = { connector, executable };
      await joinHosts({ targets, remote, welcome, documents, ignorePreflightErrors, emit: run.emit });
    });
  } finally {
    await closeReception(welcome, run.emit);
  }
}
