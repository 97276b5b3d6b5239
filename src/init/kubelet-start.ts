import { changesOf } from '../node/context.ts';
import { startKubelet } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import { type InitContext, ownNodeIPs } from './context.ts';
import { kubeletConfig } from './upload-config.ts';

/**
 * Starts the kubelet once its first manifests are there: it lists them, then begins to watch, and what appears
 * in between it finds 20 seconds later.
 */
export const kubeletStart: Phase<InitContext> = {
  id: 'kubelet-start',
  title: 'Start the kubelet',
  needs: ['kubeconfig', 'apiserver'],
  async run(context) {
    const changes = changesOf(context, 'kubelet-start');
    const settings = { ...context.settings, nodeIP: await ownNodeIPs(context) };
    await startKubelet(changes, kubeletConfig(context), settings, context.patches);
  },
};
