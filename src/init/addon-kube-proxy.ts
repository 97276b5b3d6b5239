import { stringify } from 'yaml';
import template from '../../templates/objects/kube-proxy.yaml';
import { imageName } from '../components/catalog.ts';
import { renderManifest } from '../kube/manifest.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import { cidrList, type InitContext, serverUrl } from './context.ts';

export const addonKubeProxy: Phase<InitContext> = {
  id: 'addon-kube-proxy',
  title: 'Install kube-proxy',
  needs: ['bootstrap-token', 'other-images'],
  async run(context, step) {
    const { settings, release } = context;
    const configuration = stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      bindAddress: '0.0.0.0',
      clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' },
      clusterCIDR: cidrList(settings.podCidrs),
      ...settings.kubeProxy,
    });
    const image = imageName('image-kube-proxy', release());
    await applyAll(
      context,
      step,
      renderManifest(template, { image, configuration, server: serverUrl(settings) }),
    );
  },
};
