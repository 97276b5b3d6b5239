import { parse } from 'yaml';
import template from '../../templates/manifests/static-pod.yaml';
import type { ComponentSettings, EnvVar, ExtraVolume } from '../config/control-plane.ts';
import { renderYaml } from '../host/template.ts';
import { kubeYaml } from '../kube/yaml.ts';
import { type Patch, patched } from '../node/patches.ts';
import type { Changes } from '../phases/changes.ts';

export const MANIFESTS = '/etc/kubernetes/manifests';

export interface StaticPod {
  readonly name: 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';
  readonly image: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Flags without their dashes; written in alphabetical order. */
  readonly args: Readonly<Record<string, string>>;
  /** What the configuration gives it besides. */
  readonly extra: ComponentSettings;
  /** Variables of all components, which its own replace. */
  readonly env?: readonly EnvVar[];
  readonly probe: {
    readonly scheme: 'HTTP' | 'HTTPS';
    /** Empty for the pod's own address. */
    readonly host: string;
    readonly port: number;
    readonly startup: string;
    readonly liveness: string;
    readonly readiness?: string;
  };
  /** How long it may take to start, in milliseconds. */
  readonly startMs: number;
  readonly requests: { readonly cpu: string; readonly memory?: string };
  readonly mounts: readonly Mount[];
}

export interface Mount {
  readonly name: string;
  readonly path: string;
  readonly type: NonNullable<ExtraVolume['pathType']>;
  readonly readOnly: boolean;
  /** Where it is in the container, when that is another path. */
  readonly mountPath?: string;
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

const STARTUP_PERIOD_SECONDS = 10;

/**
 * The manifest's text. By kubeadm's rules an extra argument takes the place of the one of its name and comes after
 * kadm's own, in the order given, because for some flags the first value is a special one; a volume takes the place
 * of the one of its name.
 */
export function renderStaticPod(pod: StaticPod, patches: readonly Patch[] = []): string {
  const { probe, startMs, name } = pod;
  const text = renderYaml(template, {
    ...pod,
    annotations: pod.annotations ?? {},
    args: argumentsOf(pod),
    command: name,
    env: variablesOf(pod),
    mounts: mountsOf(pod),
    probe,
    startup: {
      period: STARTUP_PERIOD_SECONDS,
      failures: Math.ceil(startMs / 1000 / STARTUP_PERIOD_SECONDS),
    },
  });
  if (!patches.some(({ target }) => target === name)) return text;
  return kubeYaml(patched(patches, name, parse(text)));
}

function argumentsOf({ args, extra }: StaticPod): string[] {
  const replaced = new Set(extra.extraArgs.map(({ name }) => name));
  const own = Object.entries(args)
    .filter(([name]) => !replaced.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const all = [...own, ...extra.extraArgs.map(({ name, value }) => [name, value] as const)];
  return all.map(([name, value]) => `--${name}=${value}`);
}

function variablesOf({ env = [], extra }: StaticPod): EnvVar[] {
  const byName = new Map([...env, ...extra.extraEnvs].map((one) => [one.name, one]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function mountsOf({ mounts, extra }: StaticPod): Mount[] {
  const more = extra.extraVolumes.map(({ name, hostPath, mountPath, pathType, readOnly }) => ({
    name,
    path: hostPath,
    mountPath,
    type: pathType ?? '',
    readOnly: readOnly ?? false,
  }));
  return [...new Map([...mounts, ...more].map((mount) => [mount.name, mount])).values()];
}

/** The value of an extra argument; the last one counts, as for the components. */
export function extraArgument({ extraArgs }: ComponentSettings, name: string): string | undefined {
  return extraArgs.findLast((arg) => arg.name === name)?.value;
}

/** Where to ask a component that listens on `bindAddress`: one that listens everywhere is asked at the pod's address. */
export function probeHost(bindAddress: string): string {
  return bindAddress === '0.0.0.0' || bindAddress === '::' ? '' : bindAddress;
}

/** Hands the pod to the kubelet, which starts it as soon as the file is there. */
export async function writeStaticPod(
  changes: Changes,
  pod: StaticPod,
  patches: readonly Patch[],
): Promise<void> {
  for (const mount of mountsOf(pod)) await prepareMount(changes, mount);
  const path = `${MANIFESTS}/${pod.name}.yaml`;
  const replaced = (await changes.host.stat(path)) !== undefined;
  const changed = await changes.file(path, renderStaticPod(pod, patches), 0o600);
  // A kubelet without an API server does not start a static pod in place of one that keeps failing.
  if (replaced && changed) await changes.host.run(['systemctl', 'restart', 'kubelet.service']);
}

/** What the pod mounts of the host is made by the kubelet where it lacks: reset must know of it. */
async function prepareMount(changes: Changes, { path, type }: Mount): Promise<void> {
  if (type === 'DirectoryOrCreate') await changes.directory(path);
  if (type === 'FileOrCreate' && (await changes.host.stat(path)) === undefined)
    await changes.file(path, '', 0o644);
}
