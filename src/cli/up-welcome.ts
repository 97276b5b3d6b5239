import { DEFAULT_KUBERNETES_VERSION } from '../components/catalog.ts';
import type { Documents } from '../config/schema.ts';
import type { FleetHost } from '../fleet/fleet-host.ts';
import { RemoteWelcome } from '../fleet/remote-welcome.ts';
import type { HostSession } from '../fleet/run-verb.ts';
import { type Reception, Welcome } from '../fleet/welcome.ts';
import { yamlDocuments } from '../fleet/worker.ts';
import type { Executable } from '../ssh/upload.ts';
import { welcomeOptions } from './welcome.ts';

/** The reception of the control plane: in this process where that is this machine. */
export async function welcomeOf(
  session: HostSession,
  host: FleetHost,
  worker: FleetHost | undefined,
  documents: Documents,
  executable: Executable,
): Promise<Reception> {
  const makesControlPlane = session.state.completed !== 'init';
  if (host.local) {
    const options = await welcomeOptions(documents, worker?.target.host, executable);
    return await Welcome.open({ ...options, makesControlPlane });
  }
  const { Cluster, InitConfiguration } = documents;
  return await RemoteWelcome.open(session, {
    config: yamlDocuments([Cluster, InitConfiguration].filter((document) => document !== undefined)),
    kubernetesVersion: documents.ClusterConfiguration?.kubernetesVersion ?? DEFAULT_KUBERNETES_VERSION,
    makesControlPlane,
    towards: worker?.target.host ?? host.target.host,
  });
}
