import { type ImageName, imageName } from '../components/catalog.ts';
import { configuredName } from '../config/image-names.ts';
import type { ControlPlaneContext } from './context.ts';

type Naming = Pick<ControlPlaneContext, 'settings' | 'release'>;

/** The name by which manifests of this cluster name an image. */
export function imageOf({ settings, release }: Naming, component: ImageName): string {
  return configuredName(imageName(component, release()), settings.images);
}

/** All images of a control plane, in kubeadm's order. */
export function controlPlaneImages(naming: Naming): string[] {
  const { without, etcd } = naming.settings;
  const components: ImageName[] = [
    'image-kube-apiserver',
    'image-kube-controller-manager',
    'image-kube-scheduler',
    ...(without.proxy ? [] : ['image-kube-proxy' as const]),
    ...(without.dns ? [] : ['image-coredns' as const]),
    'image-pause',
    ...(etcd.kind === 'external' ? [] : ['image-etcd' as const]),
  ];
  return components.map((component) => imageOf(naming, component));
}
