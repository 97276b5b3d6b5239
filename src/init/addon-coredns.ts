import template from '../../templates/objects/coredns.yaml';
import { renderManifest } from '../kube/manifest.ts';
import { patched } from '../node/patches.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import { type ControlPlaneContext, clusterDNS, type InitContext } from './context.ts';
import { imageOf } from './images.ts';

export const addonCoredns: Phase<InitContext> = {
  id: 'addon-coredns',
  title: 'Install CoreDNS',
  needs: ['wait-namespaces', 'other-images'],
  skip: ({ settings }) => (settings.without.dns ? 'the configuration leaves it to somebody else' : undefined),
  async run(context) {
    await applyAll(context, corednsObjects(context));
  },
};

export function corednsObjects(context: ControlPlaneContext): object[] {
  const { settings, patches } = context;
  const image = imageOf(context, 'image-coredns');
  const data = { image, clusterDNS: clusterDNS(settings), dnsDomain: settings.dnsDomain };
  return renderManifest(template, data).map((object) =>
    'kind' in object && object.kind === 'Deployment' ? patched(patches, 'corednsdeployment', object) : object,
  );
}
