import { setTimeout as sleep } from 'node:timers/promises';
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

/**
 * Controllers renew their leases every 2 s and end when they could not for 10 s (client-go's leader election). Between two
 * components without which they cannot, they get the time for it: else the gaps would count as one.
 */
const LEASE_RENEWAL_MS = 3_000;

function component(name: Component): (context: RenewContext, step: Step) => Promise<void> {
  return async ({ host, timeoutMs, apiServer, renewals }, { progress }) => {
    if (!(await isStaticPod(host, name))) return;
    await restartStaticPod(host, name, { timeoutMs, progress, also: apiServer });
    const next = renewals.some(({ group }) => group === 'kube-apiserver');
    if (name === 'etcd' && next) await sleep(LEASE_RENEWAL_MS);
  };
}
