import { localConfiguration } from '../node/kubelet.ts';
import { type Check, tried } from '../node/preflight.ts';
import { corednsObjects } from './addon-coredns.ts';
import { apiserverPod } from './apiserver.ts';
import type { ControlPlaneContext } from './context.ts';
import { controllerManagerPod } from './controller-manager.ts';
import { etcdPod } from './etcd.ts';
import { schedulerPod } from './scheduler.ts';
import { renderStaticPod } from './static-pod.ts';
import { kubeletConfig } from './upload-config.ts';

/** A patch that does not apply is found before anything is changed: all that can be patched is made once to try. */
export function patchesApply(context: ControlPlaneContext): Check {
  return tried('Patches', () => writeOnTrial(context), 'mend the patch');
}

function writeOnTrial(context: ControlPlaneContext): void {
  const { settings, patches } = context;
  const pods = [apiserverPod(context), controllerManagerPod(context), schedulerPod(context)];
  const etcd = settings.etcd.kind === 'local' ? [etcdPod(context, settings.etcd)] : [];
  for (const pod of [...pods, ...etcd]) renderStaticPod(pod, patches);
  localConfiguration(kubeletConfig(context), settings.kubelet, patches, false);
  corednsObjects(context);
}

/** What a component is to find at a path of the host; what kadm would make there is no problem. */
export function volumesThere({ host, settings }: ControlPlaneContext): Check {
  return {
    name: 'ExtraVolumes',
    run: async () => {
      const volumes = Object.values(settings.components).flatMap(({ extraVolumes }) => extraVolumes);
      const wanted = volumes.filter(({ pathType }) => pathType && !pathType.endsWith('OrCreate'));
      for (const { name, hostPath, pathType } of wanted) {
        if ((await host.stat(hostPath)) !== undefined) continue;
        return {
          message: `the volume ${name} wants a ${pathType} at ${hostPath}, and nothing is there`,
          remedy: 'make it, or give the volume another pathType',
        };
      }
      return undefined;
    },
  };
}
