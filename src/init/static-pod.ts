import template from '../../templates/manifests/static-pod.yaml';
import type { ExtraArg } from '../config/settings.ts';
import { renderYaml } from '../host/template.ts';
import type { Changes } from '../phases/changes.ts';

export const MANIFESTS = '/etc/kubernetes/manifests';

export interface StaticPod {
  readonly name: 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';
  readonly image: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Flags without their dashes; written in alphabetical order. */
  readonly args: Readonly<Record<string, string>>;
  readonly extraArgs?: readonly ExtraArg[];
  readonly probe: {
    readonly scheme: 'HTTP' | 'HTTPS';
    readonly host: string;
    readonly port: number;
    readonly startup: string;
    readonly liveness: string;
    readonly readiness?: string;
  };
  readonly requests: { readonly cpu: string; readonly memory?: string };
  readonly mounts: readonly Mount[];
}

export interface Mount {
  readonly name: string;
  readonly path: string;
  readonly type: 'DirectoryOrCreate' | 'FileOrCreate';
  readonly readOnly: boolean;
}

/** Where distributions keep the certificate authorities that API server and controllers trust outside the cluster. */
export const HOST_CERTIFICATES: readonly Mount[] = [
  readOnlyDirectory('ca-certs', '/etc/ssl/certs'),
  readOnlyDirectory('etc-ca-certificates', '/etc/ca-certificates'),
  readOnlyDirectory('usr-local-share-ca-certificates', '/usr/local/share/ca-certificates'),
  readOnlyDirectory('usr-share-ca-certificates', '/usr/share/ca-certificates'),
];

export function readOnlyDirectory(name: string, path: string): Mount {
  return { name, path, type: 'DirectoryOrCreate', readOnly: true };
}

/** The manifest's text. An extra argument takes the place of the one of the same name. */
export function renderStaticPod(pod: StaticPod): string {
  const extra = pod.extraArgs ?? [];
  const replaced = new Set(extra.map(({ name }) => name));
  const own = Object.entries(pod.args).filter(([name]) => !replaced.has(name));
  const all = [...own, ...extra.map(({ name, value }) => [name, value] as const)];
  const args = all.map(([name, value]) => `--${name}=${value}`).sort();
  return renderYaml(template, { ...pod, annotations: pod.annotations ?? {}, args, command: pod.name });
}

/** Hands the pod to the kubelet, which starts it as soon as the file is there. */
export async function writeStaticPod(changes: Changes, pod: StaticPod): Promise<void> {
  // The host's folders that the pod mounts are made by the kubelet: reset must know of those it made.
  for (const mount of pod.mounts) if (mount.type === 'DirectoryOrCreate') await changes.directory(mount.path);
  const path = `${MANIFESTS}/${pod.name}.yaml`;
  const replaced = (await changes.host.stat(path)) !== undefined;
  const changed = await changes.file(path, renderStaticPod(pod), 0o600);
  // A kubelet without an API server does not start a static pod in place of one that keeps failing.
  if (replaced && changed) await changes.host.run(['systemctl', 'restart', 'kubelet.service']);
}
