import template from '../../templates/objects/coredns.yaml';
import { imageName } from '../components/catalog.ts';
import { renderManifest } from '../kube/manifest.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import { clusterDNS, type InitContext } from './context.ts';

export const addonCoredns: Phase<InitContext> = {
  id: 'addon-coredns',
  title: 'Install CoreDNS',
  needs: ['bootstrap-token', 'other-images'],
  async run(context, step) {
    const { settings, release } = context;
    const image = imageName('image-coredns', release());
    const data = { image, clusterDNS: clusterDNS(settings), dnsDomain: settings.dnsDomain };
    await applyAll(context, step, renderManifest(template, data));
  },
};
