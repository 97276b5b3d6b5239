import { changesOf } from '../node/context.ts';
import { startKubelet } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import type { JoinContext } from './context.ts';

/** Starts the kubelet, which registers the node. */
export const kubeletStart: Phase<JoinContext> = {
  id: 'kubelet-start',
  title: 'Start the kubelet',
  needs: ['tls-bootstrap', 'container-runtime', 'other-images'],
  async run(context) {
    const { settings, kubeletConfiguration } = context.cluster.get();
    await startKubelet(changesOf(context, 'kubelet-start'), kubeletConfiguration, settings);
  },
};
