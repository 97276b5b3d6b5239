import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, messageOf, UserError } from '../errors.ts';
import { ApiError, type KubeClient } from './client.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const NAME = 'kadm-control-plane';
/** Held on by renewing it three times as often. */
const LEASE_SECONDS = 30;
const RENEW_MS = 10_000;
const POLL_MS = 500;

interface Lease {
  readonly apiVersion: 'coordination.k8s.io/v1';
  readonly kind: 'Lease';
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string };
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
  };
}

export interface LockOptions {
  /** How long another one is waited for. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

/**
 * The right to change which control planes a cluster has: a Lease, which one host at a time holds. It ends by itself
 * half a minute after its holder has died.
 */
export class ControlPlaneLock {
  readonly #client: KubeClient;
  readonly #holder: string;
  #lease: Lease;
  #timer: NodeJS.Timeout;
  #renewing: Promise<void> = Promise.resolve();
  #released = false;

  private constructor(client: KubeClient, holder: string, lease: Lease) {
    this.#client = client;
    this.#holder = holder;
    this.#lease = lease;
    this.#timer = this.#renewLater();
  }

  /**
   * @param holder the host; an earlier run on it that was killed does not stand in its way
   * @throws UserError (preflight) that says who holds it, when that takes too long
   */
  static async acquire(client: KubeClient, holder: string, options: LockOptions): Promise<ControlPlaneLock> {
    const end = performance.now() + options.timeoutMs;
    // Clocks of hosts differ: a lease has ended when it was not renewed for as long as we have looked at it.
    let seen = { version: '', at: performance.now() };
    for (;;) {
      const present = await look(client, end, options);
      const version = present?.metadata.resourceVersion ?? '';
      if (version !== seen.version) seen = { version, at: performance.now() };
      const { holderIdentity = '', leaseDurationSeconds = LEASE_SECONDS, acquireTime } = present?.spec ?? {};
      const over = performance.now() - seen.at > leaseDurationSeconds * 1000;
      if (holderIdentity === '' || holderIdentity === holder || over) {
        const taken = await write(client, leaseOf(holder, new Date(), present));
        if (taken !== undefined) return new ControlPlaneLock(client, holder, taken);
        continue;
      }
      const who = `${holderIdentity}, since ${acquireTime ?? 'some time'}`;
      if (performance.now() > end) {
        throw new UserError(`another host is joining or leaving the control plane: ${who}`, {
          remedy: 'wait until that has ended, and run the same command again',
          exitCode: EXIT.preflight,
        });
      }
      options.progress(`waiting for another host that is joining or leaving the control plane: ${who}`);
      await sleep(POLL_MS, undefined, { signal: options.signal });
    }
  }

  /** What fails of it is told, and no reason to fail: the lease ends by itself. */
  async release(warn: (message: string) => void): Promise<void> {
    this.#released = true;
    clearTimeout(this.#timer);
    await this.#renewing;
    try {
      await write(this.#client, { ...this.#lease, spec: { ...this.#lease.spec, holderIdentity: '' } });
    } catch (error) {
      warn(`the lock of the control plane ends in ${LEASE_SECONDS} s: ${messageOf(error)}`);
    }
  }

  #renewLater(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#renewing = this.#renew().finally(() => {
        if (!this.#released) this.#timer = this.#renewLater();
      });
    }, RENEW_MS).unref();
  }

  async #renew(): Promise<void> {
    try {
      const lease = await write(this.#client, leaseOf(this.#holder, new Date(), this.#lease));
      if (lease !== undefined) this.#lease = lease;
    } catch {
      // The next one may get through; etcd has no leader for a moment when its members change.
    }
  }
}

/** Members of etcd that come or go may leave it without a leader for a moment: it is asked again until `end`. */
async function look(client: KubeClient, end: number, options: LockOptions): Promise<Lease | undefined> {
  for (;;) {
    try {
      return await client.find<Lease>(`${LEASES}/${NAME}`);
    } catch (error) {
      const refused = error instanceof ApiError && error.status < 500;
      if (refused || performance.now() > end) throw error;
      options.progress(messageOf(error));
      await sleep(POLL_MS, undefined, { signal: options.signal });
    }
  }
}

/** The lease as its holder writes it. */
export function leaseOf(holder: string, now: Date, present: Lease | undefined): Lease {
  const { resourceVersion } = present?.metadata ?? {};
  const same = present?.spec.holderIdentity === holder ? present.spec.acquireTime : undefined;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: NAME,
      namespace: 'kube-system',
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: LEASE_SECONDS,
      acquireTime: same ?? microTime(now),
      renewTime: microTime(now),
    },
  };
}

/** Undefined when somebody else was faster. */
async function write(client: KubeClient, lease: Lease): Promise<Lease | undefined> {
  try {
    return lease.metadata.resourceVersion === undefined
      ? await client.create<Lease>(LEASES, lease)
      : await client.replace<Lease>(`${LEASES}/${NAME}`, lease);
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return undefined;
    throw error;
  }
}

/** As Kubernetes writes a MicroTime. */
function microTime(now: Date): string {
  return now.toISOString().replace('Z', '000Z');
}
