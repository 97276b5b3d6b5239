import { mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  componentsOf,
  DEFAULT_KUBERNETES_VERSION,
  imageName,
  installPath,
  isImage,
  releaseFor,
} from '../../src/components/catalog.ts';
import { type Artifact, ComponentStore } from '../../src/components/store.ts';
import { parseDocuments } from '../../src/config/documents.ts';
import { renderText } from '../../src/host/template.ts';
import { CONFIG_PATH } from '../../src/lab/host-config.ts';
import { HOST_STORE } from '../../src/lab/paths.ts';
import containerdConfig from '../../templates/containerd/config.toml';
import containerdUnit from '../../templates/systemd/containerd.service';
import kubeletUnit from '../../templates/systemd/kubelet.service';
import type { BenchHost } from './bench-lab.ts';
import { kubeadmConfig } from './kubeadm.ts';

/** The folder on the first host that somebody filled by downloading, before the clock starts. */
const STAGE = '/root/stage';
export const CLUSTER_SCRIPT = `${STAGE}/kubeadm-cluster.sh`;

const SYSCTLS = ['net.ipv4.ip_forward', 'net.bridge.bridge-nf-call-iptables'] as const;

/** Lays out on the first host what the shell script installs; programs and images stay in the store. */
export async function stageKubeadm(host: BenchHost, store: string): Promise<void> {
  const artifacts = await new ComponentStore(store).index(DEFAULT_KUBERNETES_VERSION);
  const wanted = new Set<string>([...componentsOf('control-plane'), 'kubeadm']);
  for (const artifact of artifacts) {
    if (wanted.has(artifact.name)) await linkTo(host, artifact, stagePath(artifact));
  }
  const { Cluster } = parseDocuments(await host.readFile(CONFIG_PATH), CONFIG_PATH);
  const restricted = Cluster?.spec.containerd?.restrictOOMScoreAdj ?? false;
  const pauseImage = imageName('image-pause', releaseFor(DEFAULT_KUBERNETES_VERSION));
  const config = renderText(containerdConfig, { pauseImage, restrictOOMScoreAdj: restricted });
  const files = {
    'files/etc/containerd/config.toml': config,
    'files/etc/systemd/system/containerd.service': renderText(containerdUnit, { restricted }),
    'files/etc/systemd/system/kubelet.service': kubeletUnit,
    'files/etc/sysctl.d/90-kubernetes.conf': SYSCTLS.map((key) => `${key} = 1\n`).join(''),
    'files/etc/modules-load.d/kubernetes.conf': 'overlay\nbr_netfilter\n',
    'kubeadm.yaml': await kubeadmConfig(host),
    'kubeadm-cluster.sh': await readFile(new URL('./kubeadm-cluster.sh', import.meta.url), 'utf8'),
  };
  for (const [name, content] of Object.entries(files)) {
    const path = `${STAGE}/${name}`;
    await mkdir(dirname(`${host.rootfs}${path}`), { recursive: true });
    await host.writeFile(path, content, path === CLUSTER_SCRIPT ? 0o755 : 0o644);
  }
}

function stagePath({ name }: Artifact): string {
  if (!isImage(name)) return `${STAGE}/programs${installPath(name)}`;
  const everywhere: readonly string[] = componentsOf('worker');
  return `${STAGE}/images/${everywhere.includes(name) ? 'all' : 'control-plane'}/${name}.tar`;
}

async function linkTo(host: BenchHost, { sha256 }: Artifact, path: string): Promise<void> {
  const target = `${host.rootfs}${path}`;
  await mkdir(dirname(target), { recursive: true });
  await symlink(new ComponentStore(HOST_STORE).blobPath(sha256), target);
}
