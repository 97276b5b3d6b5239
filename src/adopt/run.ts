import { DEFAULT_KUBERNETES_VERSION, installPath, releaseFor } from '../components/catalog.ts';
import type { NetworkSettings } from '../config/networks.ts';
import type { HostSettings } from '../config/node-settings.ts';
import type { Host } from '../host/host.ts';
import { withHostLock } from '../host/host-lock.ts';
import { reloadUnits } from '../host/systemd.ts';
import { KubeClient } from '../kube/client.ts';
import { componentsFrom } from '../node/component-source.ts';
import type { Emit } from '../phases/events.ts';
import { Ledger } from '../phases/ledger.ts';
import { runPhases } from '../phases/runner.ts';
import { credentialsFrom } from '../pki/kubeconfig.ts';
import { type AdoptContext, FoundNode } from './context.ts';
import { adoptPhases } from './index.ts';
import { ADMIN_KUBECONFIG } from './read-node.ts';

/** What the pod network needs of a node; who made it may have brought them along. */
const PLUGINS = ['cni-bridge', 'cni-host-local', 'cni-loopback', 'cni-portmap'] as const;

export interface AdoptRun {
  readonly settings: HostSettings;
  /** On a control plane whose cluster has no network of kadm's. */
  readonly networkSettings: NetworkSettings;
  readonly host: Host;
  /** Path of this executable. */
  readonly executable: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Gives a node that something else than kadm made its agent, and with it the pod network; ends when it is Ready.
 * @returns the name of the node
 */
export async function adopt(run: AdoptRun): Promise<string> {
  return await withHostLock('kadm node adopt', () => adoptAlone(run));
}

async function adoptAlone(run: AdoptRun): Promise<string> {
  const { settings, host, emit, signal } = run;
  const ledger = await Ledger.open(host);
  const release = releaseFor(DEFAULT_KUBERNETES_VERSION);
  const missing = await Promise.all(
    PLUGINS.map(async (name) => ((await host.stat(installPath(name))) === undefined ? [name] : [])),
  );
  let admin: Promise<KubeClient> | undefined;
  const context: AdoptContext = {
    ...componentsFrom(settings.componentSource),
    settings,
    networkSettings: run.networkSettings,
    host,
    ledger,
    executable: run.executable,
    components: missing.flat(),
    release: () => release,
    // Neither images nor files that patches are for are made here.
    imageNames: () => undefined,
    patches: [],
    node: new FoundNode(),
    admin: () => {
      admin ??= adminClient(host);
      return admin;
    },
  };
  try {
    await runPhases(adoptPhases, context, { emit, signal, skip: settings.skipPhases });
  } finally {
    (await admin)?.close();
  }
  const { name, role } = context.node.get();
  const verb = role === 'worker' ? 'join' : 'init';
  if (ledger.completed === undefined) {
    await ledger.append({ verb, state: 'complete', version: release.kubernetes });
  }
  await reloadUnits(host);
  emit({ type: 'result', path: [], result: { nodeName: name } });
  return name;
}

async function adminClient(host: Host): Promise<KubeClient> {
  const text = (await host.readFile(ADMIN_KUBECONFIG))?.toString('utf8') ?? '';
  return new KubeClient(credentialsFrom(text));
}
