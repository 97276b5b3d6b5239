import {
  componentsOf,
  DEFAULT_KUBERNETES_VERSION,
  imageName,
  isImage,
  releaseFor,
} from '../../src/components/catalog.ts';
import { apiserver } from '../../src/init/apiserver.ts';
import { certs } from '../../src/init/certs.ts';
import { etcd } from '../../src/init/etcd.ts';
import { initPhases } from '../../src/init/index.ts';
import { kubeconfig } from '../../src/init/kubeconfig.ts';
import { preflight } from '../../src/init/preflight.ts';
import { components, otherComponents } from '../../src/node/components.ts';
import { containerRuntime } from '../../src/node/container-runtime.ts';
import { images, otherImages } from '../../src/node/images.ts';
import { prepareHost as prepareNode } from '../../src/node/prepare-host.ts';
import { STATE_DIRECTORY } from '../../src/phases/ledger.ts';
import kubeletUnit from '../../templates/systemd/kubelet.service';
import type { BenchHost } from './bench-lab.ts';

/** The phases of `kadm init` after which binaries, runtime and images are in place. */
const PREPARATION = [
  preflight,
  prepareNode,
  components,
  otherComponents,
  containerRuntime,
  images,
  otherImages,
];
/** Phases that make the files which etcd and the API server start from; none of them starts anything. */
const CONTROL_PLANE_FILES = [certs, kubeconfig, etcd, apiserver];

/**
 * Makes a bare host ready for either tool: kernel settings, binaries, containerd running, images imported,
 * the kubelet's unit enabled but not started. kadm's own phases do it, so that kadm finds later what it would
 * have written; its ledger is then removed, so that it knows nothing of having been here.
 */
export async function prepareHost(host: BenchHost): Promise<void> {
  // The join command at the end of init wants a CA.
  await runPhasesOf(host, [...PREPARATION, certs]);
  await host.run(['rm', '-rf', '/etc/kubernetes', `${STATE_DIRECTORY}/ledger`]);
  await host.writeFile('/etc/systemd/system/kubelet.service', kubeletUnit);
  await host.run(['systemctl', 'daemon-reload']);
  await host.run(['systemctl', 'enable', 'kubelet.service']);
  await demandImages(host);
  await flush(host);
}

/** The same host with certificates, kubeconfigs and static pods of a control plane, and no kubelet. */
export async function prepareControlPlaneFiles(host: BenchHost): Promise<void> {
  await runPhasesOf(host, [...PREPARATION, ...CONTROL_PLANE_FILES]);
  await flush(host);
}

async function runPhasesOf(host: BenchHost, wanted: readonly { readonly id: string }[]): Promise<void> {
  const ids = new Set(wanted.map(({ id }) => id));
  const skip = initPhases.map(({ id }) => id).filter((id) => !ids.has(id));
  await host.run(['kadm', 'init', '--skip-phases', skip.join(',')]);
}

/** An image that is not there would be imported while the clock runs. */
async function demandImages(host: BenchHost): Promise<void> {
  const { stdout } = await host.run(['ctr', '--namespace', 'k8s.io', 'images', 'list', '--quiet']);
  const present = new Set(stdout.split('\n'));
  const release = releaseFor(DEFAULT_KUBERNETES_VERSION);
  const missing = componentsOf('control-plane')
    .filter(isImage)
    .map((name) => imageName(name, release))
    .filter((name) => !present.has(name));
  if (missing.length > 0) throw new Error(`the preparation left out ${missing.join(', ')}`);
}

/** What was written goes to the disk before the clock starts: it would be counted as the next tool's time. */
export async function flush(host: BenchHost): Promise<void> {
  await host.run(['sync']);
}
