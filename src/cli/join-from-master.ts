import { adoptHosts } from '../fleet/adopt.ts';
import { joinHosts } from '../fleet/join.ts';
import { closeReception } from '../fleet/reception.ts';
import { Welcome } from '../fleet/welcome.ts';
import { adminAccess, notAMaster } from './cluster-access.ts';
import { refuseDryRunOf } from './dry-run.ts';
import { loadDocuments } from './options.ts';
import type { VerbRun } from './run.ts';
import { ownExecutable, targetsFrom, withConnector } from './ssh-options.ts';
import { welcomeOptions } from './welcome.ts';

interface FromMaster {
  readonly config?: string;
  readonly acceptNewHostKeys?: boolean;
  readonly ignorePreflightErrors?: readonly string[];
  readonly controlPlane?: boolean;
}

/** `kadm join --ssh`: everything that they need is known on the master. */
export async function joinFromMaster(
  hosts: readonly string[],
  options: FromMaster,
  run: VerbRun,
): Promise<void> {
  await fromMaster(hosts, options, run, joinHosts);
}

/** `kadm node adopt --ssh`: the same for nodes that are in the cluster already. */
export async function adoptFromMaster(
  hosts: readonly string[],
  options: FromMaster,
  run: VerbRun,
): Promise<void> {
  await fromMaster(hosts, options, run, adoptHosts);
}

async function fromMaster(
  hosts: readonly string[],
  options: FromMaster,
  run: VerbRun,
  work: typeof joinHosts,
): Promise<void> {
  const targets = await targetsFrom(hosts);
  const documents = await loadDocuments(options.config);
  refuseDryRunOf(documents);
  const access = await adminAccess();
  if (access === undefined) throw notAMaster();
  access.client.close();
  const executable = await ownExecutable();
  const welcome = await Welcome.open(await welcomeOptions(documents, targets[0]?.host, executable, run));
  try {
    await withConnector(options, run, async (connector) => {
      const ignorePreflightErrors = options.ignorePreflightErrors ?? [];
      const remote = { connector, executable };
      const { controlPlane = false } = options;
      const how = { ignorePreflightErrors, controlPlane, emit: run.emit };
      await work({ targets, remote, welcome, documents, ...how });
    });
  } finally {
    await closeReception(welcome, run.emit);
  }
}
