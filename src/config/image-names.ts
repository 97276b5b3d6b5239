export const OFFICIAL_REPOSITORY = 'registry.k8s.io';

/** What of the names of images the configuration changes. */
export interface ImageNames {
  readonly repository: string;
  readonly etcd: ImageChoice;
  readonly dns: ImageChoice;
}

export interface ImageChoice {
  readonly repository: string | undefined;
  readonly tag: string | undefined;
}

const UNCHANGED: ImageChoice = { repository: undefined, tag: undefined };

export const OFFICIAL_IMAGES: ImageNames = {
  repository: OFFICIAL_REPOSITORY,
  etcd: UNCHANGED,
  dns: UNCHANGED,
};

/**
 * The name by which a manifest names an image, by kubeadm's rules: below another repository CoreDNS has no folder
 * of its own.
 * @param official registry.k8s.io/NAME:TAG
 */
export function configuredName(official: string, names: ImageNames): string {
  const [, path = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(official) ?? [];
  const name = path.split('/').at(-1) ?? path;
  const choice = name === 'etcd' ? names.etcd : name === 'coredns' ? names.dns : UNCHANGED;
  const repository = choice.repository ?? names.repository;
  const below = repository === OFFICIAL_REPOSITORY ? path : name;
  return `${repository}/${below}:${choice.tag ?? tag}`;
}
