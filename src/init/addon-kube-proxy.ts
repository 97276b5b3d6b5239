import template from '../../templates/objects/kube-proxy.yaml';
import { mergePatch } from '../kube/json-patch.ts';
import { renderManifest } from '../kube/manifest.ts';
import { kubeYaml } from '../kube/yaml.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import { cidrList, type InitContext, localhost, serverUrl } from './context.ts';
import { imageOf } from './images.ts';

export const addonKubeProxy: Phase<InitContext> = {
  id: 'addon-kube-proxy',
  title: 'Install kube-proxy',
  needs: ['wait-namespaces', 'other-images'],
  skip: ({ settings }) =>
    settings.without.proxy ? 'the configuration leaves it to somebody else' : undefined,
  async run(context) {
    const { settings } = context;
    const data = {
      image: imageOf(context, 'image-kube-proxy'),
      configuration: kubeYaml(kubeProxyConfiguration(context)),
      server: serverUrl(settings),
      env: settings.proxy,
    };
    await applyAll(context, renderManifest(template, data));
  },
};

/** KubeProxyConfiguration of all nodes: kadm's fields, and the user's beside or in place of them. */
export function kubeProxyConfiguration({ settings }: Pick<InitContext, 'settings'>): object {
  const own = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    bindAddress: localhost(settings) === '::1' ? '::' : '0.0.0.0',
    clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' },
    clusterCIDR: cidrList(settings.podCidrs),
  };
  return mergePatch(own, settings.kubeProxy as never) as object;
}
