import { changesOf } from '../node/context.ts';
import { nameImages } from '../node/images.ts';
import { startKubelet } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import type { JoinContext } from './context.ts';

/** Starts the kubelet, which registers the node. */
export const kubeletStart: Phase<JoinContext> = {
  id: 'kubelet-start',
  title: 'Start the kubelet',
  needs: ['tls-bootstrap', 'container-runtime', 'other-images'],
  async run(context, step) {
    const { settings: given, nodeIP, kubeletConfiguration } = context.cluster.get();
    const settings = { ...given, nodeIP };
    // A host that was prepared before it knew its cluster has its images by their official names alone.
    await nameImages(context, step);
    const changes = changesOf(context, 'kubelet-start');
    await startKubelet(changes, kubeletConfiguration, settings, context.patches, settings.taints);
  },
};
