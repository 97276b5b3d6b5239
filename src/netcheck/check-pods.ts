import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENT_PORT } from '../agent/port.ts';
import { imageName, type Release } from '../components/catalog.ts';
import { ApiError, type KubeClient } from '../kube/client.ts';

const NAMESPACE = 'kube-system';
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const SERVICES = `/api/v1/namespaces/${NAMESPACE}/services`;
const LABEL = 'kadm.io/network-check';
const POLL_MS = 250;
export const KADM = '/usr/local/bin/kadm';

/** A pod of the check as it is now. */
export interface CheckPod {
  readonly node: string;
  readonly name: string;
  /** Its addresses, one of each family of the cluster, once it runs and answers. */
  readonly addresses?: readonly string[];
  /** Why it does not run. */
  readonly waiting?: string;
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly message?: string;
    readonly reason?: string;
    readonly containerStatuses?: readonly {
      readonly ready?: boolean;
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

interface Event {
  readonly involvedObject: { readonly name?: string };
  readonly type?: string;
  readonly message?: string;
}

/**
 * A pod on each node, and a Service in front of them: real ones, in the network of all pods. They run the kadm of
 * their host, with the libraries of their host, in the pause image that every node has: nothing is downloaded.
 */
export class CheckPods {
  readonly id = randomBytes(4).toString('hex');
  readonly #client: KubeClient;

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** @returns the Service's addresses, one of each family of the cluster */
  async create(nodes: readonly string[], release: Release): Promise<readonly string[]> {
    const image = imageName('image-pause', release);
    const [{ spec }] = await Promise.all([
      this.#client.create<{ spec: { clusterIPs: string[] } }>(SERVICES, this.#service()),
      ...nodes.map(async (node) => await this.#client.create(PODS, this.#pod(node, image))),
    ]);
    return spec.clusterIPs;
  }

  /** Waits until each pod runs, `timeoutMs` at most; those that do not say why. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<CheckPod[]> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const { items } = await this.#client.list<Pod>(PODS, { labelSelector: `${LABEL}=${this.id}` });
      const pods = items.map(stateOf);
      if (pods.every(({ addresses }) => addresses !== undefined)) return pods;
      if (performance.now() > end) return await this.#withEvents(pods);
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** What the kubelet told of pods that do not run: the kubelet's words for a network that is not there. */
  async #withEvents(pods: readonly CheckPod[]): Promise<CheckPod[]> {
    const path = `/api/v1/namespaces/${NAMESPACE}/events`;
    return await Promise.all(
      pods.map(async (pod) => {
        if (pod.addresses !== undefined) return pod;
        const { items } = await this.#client.list<Event>(path, {
          fieldSelector: `involvedObject.name=${pod.name}`,
        });
        const last = items.filter(({ type }) => type === 'Warning').at(-1)?.message;
        return last === undefined ? pod : { ...pod, waiting: last.slice(0, 300) };
      }),
    );
  }

  async remove(): Promise<void> {
    const { items } = await this.#client.list<Pod>(PODS, { labelSelector: `${LABEL}=${this.id}` });
    const gone = async (path: string): Promise<void> => {
      try {
        await this.#client.delete(path);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      }
    };
    await Promise.all([
      gone(`${SERVICES}/${this.#name}`),
      ...items.map(async ({ metadata }) => await gone(`${PODS}/${metadata.name}?gracePeriodSeconds=0`)),
    ]);
  }

  get #name(): string {
    return `kadm-network-check-${this.id}`;
  }

  #service(): object {
    return {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: this.#name, namespace: NAMESPACE },
      spec: {
        selector: { [LABEL]: this.id },
        ports: [{ port: AGENT_PORT }],
        ipFamilyPolicy: 'PreferDualStack',
      },
    };
  }

  #pod(node: string, image: string): object {
    const folders = ['usr', 'lib', 'lib64'];
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { generateName: `${this.#name}-`, namespace: NAMESPACE, labels: { [LABEL]: this.id } },
      spec: {
        nodeName: node,
        tolerations: [{ operator: 'Exists' }],
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 0,
        // Left behind by a check that was killed, it ends by itself.
        activeDeadlineSeconds: 600,
        containers: [
          {
            name: 'probe',
            image,
            imagePullPolicy: 'IfNotPresent',
            command: [KADM, 'network', 'probe', '--serve'],
            readinessProbe: { tcpSocket: { port: AGENT_PORT }, periodSeconds: 1 },
            securityContext: {
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
              readOnlyRootFilesystem: true,
              seccompProfile: { type: 'RuntimeDefault' },
            },
            volumeMounts: folders.map((name) => ({ name, mountPath: `/${name}`, readOnly: true })),
          },
        ],
        volumes: folders.map((name) => ({ name, hostPath: { path: `/${name}` } })),
      },
    };
  }
}

function stateOf({ metadata, spec, status }: Pod): CheckPod {
  const container = status?.containerStatuses?.[0];
  const pod = { node: spec.nodeName ?? '', name: metadata.name };
  const addresses = status?.podIPs?.map(({ ip }) => ip) ?? [];
  if (container?.ready === true && addresses.length > 0) return { ...pod, addresses };
  const { reason, message } = container?.state?.waiting ?? {};
  return { ...pod, waiting: message ?? reason ?? status?.message ?? status?.reason ?? 'it does not run yet' };
}
