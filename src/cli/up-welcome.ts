import { DEFAULT_KUBERNETES_VERSION } from '../components/catalog.ts';
import type { Documents } from '../config/schema.ts';
import type { FleetHost } from '../fleet/fleet-host.ts';
import { yamlDocuments } from '../fleet/host-configuration.ts';
import type { Reception } from '../fleet/reception.ts';
import { RemoteWelcome } from '../fleet/remote-welcome.ts';
import type { HostSession } from '../fleet/run-verb.ts';
import { Welcome } from '../fleet/welcome.ts';
import type { Executable } from '../ssh/upload.ts';
import type { VerbRun } from './run.ts';
import { welcomeOptions } from './welcome.ts';

/** The reception of the control plane: in this process where that is this machine. */
export async function welcomeOf(
  session: HostSession,
  host: FleetHost,
  worker: FleetHost | undefined,
  documents: Documents,
  executable: Executable,
  run: Pick<VerbRun, 'emit' | 'signal'>,
): Promise<Reception> {
  const makesControlPlane = session.state.completed !== 'init';
  if (host.local) {
    const options = await welcomeOptions(documents, worker?.target.host, executable, run);
    return await Welcome.open({ ...options, makesControlPlane });
  }
  const { Cluster, InitConfiguration } = documents;
  const open = {
    config: yamlDocuments([Cluster, InitConfiguration].filter((document) => document !== undefined)),
    kubernetesVersion: documents.ClusterConfiguration?.kubernetesVersion ?? DEFAULT_KUBERNETES_VERSION,
    makesControlPlane,
    towards: worker?.target.host ?? host.target.host,
  };
  return await RemoteWelcome.open(session, open, run.emit);
}
