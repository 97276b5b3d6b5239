import { secondsOf } from './fields.ts';
import type { Documents } from './schema.ts';

/** How long is waited for what, in milliseconds. */
export interface Timeouts {
  /** Until a component of the control plane is healthy. */
  readonly controlPlaneMs: number;
  /** Until the kubelet of a worker has its node Ready. */
  readonly kubeletMs: number;
  /** One call of the API, its retries included. */
  readonly apiCallMs: number;
  readonly tlsBootstrapMs: number;
  /** Until etcd has taken in a new member. */
  readonly etcdCallMs: number;
  /** For an API server that cannot be reached yet, when somebody says so: else it is an error at once. */
  readonly discoveryMs: number | undefined;
}

type TimeoutsDocument = NonNullable<Documents['JoinConfiguration']>['timeouts'];

/** Defaults are kubeadm's (SetDefaults_Timeouts). */
export function timeoutsFrom(timeouts: TimeoutsDocument): Timeouts {
  const given = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : (secondsOf(text) ?? 0) * 1000;
  return {
    controlPlaneMs: given(timeouts?.controlPlaneComponentHealthCheck) ?? 240_000,
    kubeletMs: given(timeouts?.kubeletHealthCheck) ?? 240_000,
    apiCallMs: given(timeouts?.kubernetesAPICall) ?? 60_000,
    etcdCallMs: given(timeouts?.etcdAPICall) ?? 120_000,
    tlsBootstrapMs: given(timeouts?.tlsBootstrap) ?? 300_000,
    discoveryMs: given(timeouts?.discovery),
  };
}
