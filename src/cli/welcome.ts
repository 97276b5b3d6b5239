import { Command } from 'commander';
import { DEFAULT_KUBERNETES_VERSION } from '../components/catalog.ts';
import { parseDocuments } from '../config/documents.ts';
import type { Documents } from '../config/schema.ts';
import { timeoutsFrom } from '../config/timeouts.ts';
import { messageOf, UserError } from '../errors.ts';
import { linesWithHeartbeat } from '../fleet/heartbeat.ts';
import { type WelcomeOpen, type WelcomeQuestion, welcomeRequest } from '../fleet/remote-welcome.ts';
import { Welcome, type WelcomeOptions } from '../fleet/welcome.ts';
import { LocalHost } from '../host/host.ts';
import { addressTowardsHost } from '../host/network.ts';
import { componentsFrom } from '../node/component-source.ts';
import { requireRoot } from '../node/preflight.ts';
import type { Executable } from '../ssh/upload.ts';
import { adminAccess } from './cluster-access.ts';
import { defaultAddress, outputOption } from './options.ts';
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

async function welcome({ emit, signal }: VerbRun): Promise<void> {
  let here: Welcome | undefined;
  const answers = new Set<Promise<void>>();
  const reply = (id: number, answer: Record<string, unknown>): void =>
    emit({ type: 'result', path: [], result: { id, answer } });
  try {
    for await (const line of linesWithHeartbeat(process.stdin, signal)) {
      if (line === '') continue;
      const { id, ask } = welcomeRequest.parse(JSON.parse(line));
      if ('open' in ask) {
        here = await openHere(ask.open, { emit, signal });
        reply(id, { offer: here.offer });
        continue;
      }
      if (here === undefined) throw new Error('the first request is not to open');
      // One that takes long holds up no other.
      const answered = answerTo(here, ask).then((answer) => reply(id, answer));
      answers.add(answered);
      void answered.finally(() => answers.delete(answered));
    }
    await Promise.all(answers);
  } finally {
    await here?.close();
  }
}

async function openHere(
  { config, towards, ...open }: WelcomeOpen,
  run: Pick<VerbRun, 'emit' | 'signal'>,
): Promise<Welcome> {
  const documents = parseDocuments(config, 'configuration');
  return await Welcome.open({
    ...(await welcomeOptions(documents, towards, await ownExecutable(), run)),
    ...open,
  });
}

/** What cannot be met is an answer too: workers go on joining meanwhile. */
async function answerTo(
  here: Welcome,
  request: Exclude<WelcomeQuestion, { open: unknown }>,
): Promise<Record<string, unknown>> {
  try {
    if ('admit' in request) return { pin: await here.admit(request.admit) };
    if ('probe' in request) return { problems: await here.probe(request.probe) };
    if ('nodes' in request) return { nodes: await here.nodes() };
    if ('expect' in request) await here.expect(request.expect);
    else if ('uploadCertificates' in request) await here.uploadCertificates(request.uploadCertificates);
    else if ('mark' in request) await here.mark(request.mark);
    else if ('drain' in request) await here.drain(request.drain);
    else await here.forget(request.forget);
    return { done: true };
  } catch (error) {
    const remedy = error instanceof UserError && error.remedy !== undefined ? { remedy: error.remedy } : {};
    return { refused: messageOf(error), ...remedy };
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
  { emit, signal }: Pick<VerbRun, 'emit' | 'signal'>,
): Promise<WelcomeOptions> {
  const host = new LocalHost();
  const facing = towards === undefined ? undefined : await addressTowardsHost(host, towards);
  const services = documents.ClusterConfiguration?.networking?.serviceSubnet;
  const advertised = documents.InitConfiguration?.localAPIEndpoint?.advertiseAddress;
  return {
    executable,
    store: componentsFrom(documents.Cluster?.spec.components?.source).store,
    access: (options) => adminAccess(options),
    timeoutMs: timeoutsFrom(documents.InitConfiguration?.timeouts).controlPlaneMs,
    progress: (message) => emit({ type: 'progress', path: [], message }),
    signal,
    kubernetesVersion: documents.ClusterConfiguration?.kubernetesVersion ?? DEFAULT_KUBERNETES_VERSION,
    address: facing ?? advertised ?? (await defaultAddress(services)) ?? '127.0.0.1',
  };
}
