import { buildComponents } from '../../../src/components/build/build.ts';
import { cacheDirectory } from '../../../src/components/cache.ts';
import { DEFAULT_KUBERNETES_VERSION, releaseFor } from '../../../src/components/catalog.ts';
import { ComponentStore } from '../../../src/components/store.ts';
import type { RunResult } from '../../../src/host/command.ts';
import type { LabHost } from '../../../src/lab/lab-host.ts';
import { readRecord } from '../../../src/lab/record.ts';
import { BenchHost } from '../../bench/bench-lab.ts';
import { installKubeadm as install, KUBEADM_CONFIG, KUBEADM_INIT } from '../../bench/kubeadm.ts';
import { stageKubeadm } from '../../bench/kubeadm-stage.ts';

const TIMEOUT_MS = 300_000;

/** kubeadm refuses cgroup v1 by this check, and machines that labs run on may have nothing else. */
const IGNORED = '--ignore-preflight-errors=SystemVerification';

/** Installs and starts what stageKubeadm has laid out, with the images of a worker, or of both roles. */
const INSTALL = `set -euo pipefail
cd /root/stage
tar -C programs -ch --mode=755 . | tar -C / -x
tar -C files -ch . | tar -C / -x
modprobe -a overlay br_netfilter 2> /dev/null || true
sysctl -q -p /etc/sysctl.d/90-kubernetes.conf
systemctl daemon-reload
systemctl -q enable kubelet.service
systemctl -q enable --now containerd.service
for image in "$@"; do ctr -n k8s.io images import --local "$image" > /dev/null; done
rm -r /root/stage`;

/** Only kubeadm itself, on a host that is a master already. */
export async function installKubeadm(host: LabHost): Promise<void> {
  await install(benchHost(host), await storeWithKubeadm(host.lab));
}

/** What people do on a host before they run kubeadm there: programs, units, kernel settings, images. */
export async function prepareForKubeadm(host: LabHost, role: 'control-plane' | 'worker'): Promise<void> {
  const store = await storeWithKubeadm(host.lab);
  await stageKubeadm(benchHost(host), store);
  await host.exec(['cp', '/root/stage/kubeadm.yaml', KUBEADM_CONFIG]);
  const folders = role === 'worker' ? ['all'] : ['all', 'control-plane'];
  const { stdout } = await host.exec([
    'find',
    ...folders.map((name) => `/root/stage/images/${name}`),
    '-type',
    'l',
  ]);
  const images = stdout.trim().split('\n');
  await host.exec(['bash', '-c', INSTALL, 'install', ...images], { timeoutMs: TIMEOUT_MS });
}

/** The real `kubeadm init`, with the configuration that corresponds to a bare `kadm init` on this host. */
export async function kubeadmInit(host: LabHost): Promise<RunResult> {
  return await host.exec(KUBEADM_INIT, { timeoutMs: TIMEOUT_MS });
}

/**
 * The real `kubeadm join`.
 * @param command the line that `kadm token create --print-join-command` or its like of kubeadm printed
 */
export async function kubeadmJoin(host: LabHost, command: string): Promise<RunResult> {
  const [, ...words] = command.trim().split(/\s+/);
  return await host.exec(['kubeadm', ...words, IGNORED], { timeoutMs: TIMEOUT_MS });
}

function benchHost(host: LabHost): BenchHost {
  return new BenchHost(host, AbortSignal.timeout(TIMEOUT_MS));
}

async function storeWithKubeadm(labName: string): Promise<string> {
  const rootfs = (await readRecord(labName))?.rootfs;
  if (rootfs === undefined) throw new Error(`lab ${labName} has no record`);
  const directory = `${cacheDirectory()}/store`;
  await buildComponents({
    release: releaseFor(DEFAULT_KUBERNETES_VERSION),
    names: ['kubeadm'],
    store: new ComponentStore(directory),
    cacheDirectory: cacheDirectory(),
    rootfs,
    onProgress: () => {},
    signal: AbortSignal.timeout(20 * 60_000),
  });
  return directory;
}
