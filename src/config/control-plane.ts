import { type ImageNames, OFFICIAL_REPOSITORY } from './image-names.ts';
import type { Documents } from './schema.ts';

/** What the components of a control plane are given beside or in place of what kadm gives them. */
export interface ComponentSettings {
  readonly extraArgs: readonly ExtraArg[];
  readonly extraVolumes: readonly ExtraVolume[];
  readonly extraEnvs: readonly EnvVar[];
}

export interface ExtraArg {
  readonly name: string;
  readonly value: string;
}

/** A path of the host in a component's container. */
export type ExtraVolume = NonNullable<NonNullable<ClusterDocument['scheduler']>['extraVolumes']>[number];

/** A variable of a container, as Kubernetes writes it. */
export type EnvVar = NonNullable<NonNullable<ClusterDocument['scheduler']>['extraEnvs']>[number];

export interface LocalEtcd {
  readonly kind: 'local';
  readonly dataDir: string;
  readonly extraArgs: readonly ExtraArg[];
  readonly extraEnvs: readonly EnvVar[];
  readonly serverCertSANs: readonly string[];
  readonly peerCertSANs: readonly string[];
}

/** An etcd that somebody else runs. */
export interface ExternalEtcd {
  readonly kind: 'external';
  readonly endpoints: readonly string[];
  readonly httpEndpoints: readonly string[];
  /** Paths of PEM files on this host; undefined where they are not needed. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

export type EtcdSettings = LocalEtcd | ExternalEtcd;

export const DEFAULT_ETCD_DATA = '/var/lib/etcd';

type ClusterDocument = NonNullable<Documents['ClusterConfiguration']>;

export function componentSettings(
  component: ClusterDocument['scheduler'] | ClusterDocument['apiServer'],
): ComponentSettings {
  return {
    extraArgs: component?.extraArgs ?? [],
    extraVolumes: component?.extraVolumes ?? [],
    extraEnvs: component?.extraEnvs ?? [],
  };
}

export function etcdSettings(etcd: ClusterDocument['etcd']): EtcdSettings {
  const { external, local } = etcd ?? {};
  if (external !== undefined) {
    return {
      kind: 'external',
      endpoints: external.endpoints,
      httpEndpoints: [...(external.httpEndpoints ?? external.endpoints)],
      caFile: external.caFile || undefined,
      certFile: external.certFile || undefined,
      keyFile: external.keyFile || undefined,
    };
  }
  return {
    kind: 'local',
    dataDir: local?.dataDir ?? DEFAULT_ETCD_DATA,
    extraArgs: local?.extraArgs ?? [],
    extraEnvs: local?.extraEnvs ?? [],
    serverCertSANs: local?.serverCertSANs ?? [],
    peerCertSANs: local?.peerCertSANs ?? [],
  };
}

/** Where images come from by name, and with which tags. */
export function imageNames(
  repository: string | undefined,
  cluster: Documents['ClusterConfiguration'],
): ImageNames {
  return {
    repository: repository ?? OFFICIAL_REPOSITORY,
    etcd: {
      repository: cluster?.etcd?.local?.imageRepository,
      tag: cluster?.etcd?.local?.imageTag,
    },
    dns: { repository: cluster?.dns?.imageRepository, tag: cluster?.dns?.imageTag },
  };
}
