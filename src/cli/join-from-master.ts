import { joinHosts } from '../fleet/join.ts';
import { Welcome } from '../fleet/welcome.ts';
import { adminAccess, notAMaster } from './cluster-access.ts';
import { loadDocuments } from './options.ts';
import type { VerbRun } from './run.ts';
import { ownExecutable, targetsFrom } from './ssh-options.ts';
import { welcomeOptions } from './welcome.ts';

/** `kadm join --ssh`: everything that the workers need is known on the master. */
export async function joinFromMaster(
  hosts: readonly string[],
  options: {
    readonly config?: string;
    readonly acceptNewHostKeys?: boolean;
    readonly ignorePreflightErrors?: readonly string[];
  },
  { emit, signal }: VerbRun,
): Promise<void> {
  const targets = await targetsFrom(hosts);
  const documents = await loadDocuments(options.config);
  const access = await adminAccess();
  if (access === undefined) throw notAMaster();
  access.client.close();
  const executable = await ownExecutable();
  const welcome = await Welcome.open(await welcomeOptions(documents, targets[0]?.host, executable));
  try {
    await joinHosts({
      targets,
      remote: {
        connect: { acceptNewHostKeys: options.acceptNewHostKeys === true, signal },
        executable,
      },
      welcome,
      documents,
      ignorePreflightErrors: options.ignorePreflightErrors ?? [],
      emit,
    });
  } finally {
    await welcome.close();
  }
}
