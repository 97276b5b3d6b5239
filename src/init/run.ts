import { componentsOf, releaseFor } from '../components/catalog.ts';
import type { InitSettings } from '../config/settings.ts';
import type { Host } from '../host/host.ts';
import { withHostLock } from '../host/host-lock.ts';
import { reloadUnits } from '../host/systemd.ts';
import { componentsFrom } from '../node/component-source.ts';
import { readPatches } from '../node/patches.ts';
import type { Emit } from '../phases/events.ts';
import { Ledger } from '../phases/ledger.ts';
import { runPhases } from '../phases/runner.ts';
import { generateCertificateKey } from '../pki/certificate-key.ts';
import { generateToken, parseToken } from '../pki/token.ts';
import { lazyClient } from './api-client.ts';
import { type InitContext, type JoinCommand, joinCommand, localUrl } from './context.ts';
import { INIT_NAMES, initPhases } from './index.ts';

export interface InitRun {
  readonly settings: InitSettings;
  readonly host: Host;
  /** Path of this executable. */
  readonly executable: string;
  /** Names of the phases, and of parts of them, to run alone; all when left out. */
  readonly only?: readonly string[];
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface InitResult {
  /** Left out when only some phases ran, or would have run. */
  readonly joinCommand?: JoinCommand;
  /** Left out when no certificates were uploaded. */
  readonly certificateKey?: string;
}

/** Makes this host the first control plane of a new cluster. */
export async function init(run: InitRun): Promise<InitResult> {
  return run.host.dryRun ? await initAlone(run) : await withHostLock('kadm init', () => initAlone(run));
}

async function initAlone(run: InitRun): Promise<InitResult> {
  const { settings, host, emit, signal } = run;
  const release = releaseFor(settings.kubernetesVersion);
  const token = settings.token ?? generateToken();
  parseToken(token, 'make');
  const patches = await readPatches(host, settings.patchesDirectory);
  const ledger = await Ledger.open(host);
  const api = lazyClient(host, () => ({
    server: localUrl(settings),
    timeoutMs: settings.timeouts.apiCallMs,
  }));
  let told = false;
  let uploaded: { certificateKey?: string } = {};
  const context: InitContext = {
    ...componentsFrom(settings.componentSource),
    settings,
    host,
    ledger,
    executable: run.executable,
    components: componentsOf('control-plane'),
    release: () => release,
    imageNames: () => settings.images,
    token,
    certificateKey: certificateKeyOf(run),
    uploaded: (certificateKey) => {
      uploaded = { certificateKey };
      emit({ type: 'result', path: [], result: { certificateKey } });
    },
    patches,
    joinable: (command) => {
      if (!told) emit({ type: 'result', path: [], result: { joinCommand: command } });
      told = true;
    },
    api: api.get,
  };
  try {
    const chosen = { skip: settings.skipPhases, ...(run.only && { only: run.only }) };
    await runPhases(initPhases, context, { emit, signal, ...chosen, names: INIT_NAMES });
  } finally {
    await api.close();
  }
  const ca = (await host.readFile('/etc/kubernetes/pki/ca.crt'))?.toString('utf8');
  // Without certificates, because their phase was skipped, there is no cluster yet: the next init goes on.
  if (host.dryRun || ca === undefined || run.only !== undefined) return uploaded;
  await ledger.append({ verb: 'init', state: 'complete', version: release.kubernetes });
  await reloadUnits(host);
  const command = joinCommand(context, ca);
  context.joinable(command);
  return { joinCommand: command, ...uploaded };
}

/** The one that was given, or a new one; undefined where no certificates are to be uploaded. */
function certificateKeyOf({ settings, only }: InitRun): string | undefined {
  // Whoever names the phase asks for it.
  if (!settings.uploadCerts && only?.includes('upload-certs') !== true) return undefined;
  return settings.certificateKey ?? generateCertificateKey();
}
