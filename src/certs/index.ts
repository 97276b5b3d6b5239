import type { Phase, Step } from '../phases/phase.ts';
import type { Component } from '../pki/table.ts';
import type { RenewContext } from './context.ts';
import { restartKubelet } from './kubelet.ts';
import { replacing } from './replace.ts';
import { isStaticPod, restartStaticPod } from './static-pod.ts';

/** What `kadm certs renew` does: one component after the other, each healthy before the next is touched. */
export const renewPhases: readonly Phase<RenewContext>[] = [
  replacing('client-files', 'Renew what people and tools read', [], async () => {}),
  // One whose certificate has expired does not start, and without it nothing else does.
  replacing('kubelet', 'Renew the kubelet', ['client-files'], restartKubelet),
  replacing('etcd', 'Renew etcd', ['kubelet'], component('etcd')),
  replacing('kube-apiserver', 'Renew the API server', ['etcd'], component('kube-apiserver')),
  replacing(
    'kube-controller-manager',
    'Renew the controller manager',
    ['kube-apiserver'],
    component('kube-controller-manager'),
  ),
  replacing(
    'kube-scheduler',
    'Renew the scheduler',
    ['kube-controller-manager'],
    component('kube-scheduler'),
  ),
];

function component(name: Component): (context: RenewContext, step: Step) => Promise<void> {
  return async ({ host, timeoutMs, apiServer }, { progress }) => {
    if (await isStaticPod(host, name))
      await restartStaticPod(host, name, { timeoutMs, progress, also: apiServer });
  };
}
