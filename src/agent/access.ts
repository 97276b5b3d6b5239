import type { TLSSocket } from 'node:tls';
import type { KubeClient } from '../kube/client.ts';

/** Answers of the API server are believed this long; the kubelet's defaults are 2 and 0.5 to 5 minutes. */
const CACHE_MS = 30_000;
const MAX_CACHED = 200;

export interface Caller {
  readonly username: string;
  readonly groups: readonly string[];
}

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly user?: { readonly username?: string; readonly groups?: readonly string[] };
  };
}

interface AccessReview {
  readonly status?: { readonly allowed?: boolean };
}

/**
 * Who may read what of this node, decided as the kubelet does: by a client certificate of the cluster's CA or a
 * bearer token, and by the rights to the subresources of this Node that the API server knows.
 */
export class Access {
  readonly #client: Pick<KubeClient, 'create'>;
  readonly #nodeName: string;
  readonly #cache = new Map<string, { readonly until: number; readonly value: Promise<unknown> }>();

  constructor(client: Pick<KubeClient, 'create'>, nodeName: string) {
    this.#client = client;
    this.#nodeName = nodeName;
  }

  /** Undefined for somebody whom the cluster does not know. */
  async callerOf(socket: TLSSocket, authorization: string | undefined): Promise<Caller | undefined> {
    const byCertificate = socket.authorized ? certified(socket) : undefined;
    if (byCertificate !== undefined) return byCertificate;
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    return await this.#once(`token ${token}`, async () => {
      const { status } = await this.#client.create<TokenReview>(
        '/apis/authentication.k8s.io/v1/tokenreviews',
        {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token },
        },
      );
      if (status?.authenticated !== true || status.user?.username === undefined) return undefined;
      return { username: status.user.username, groups: status.user.groups ?? [] };
    });
  }

  /** @param subresource of nodes, as the kubelet maps its own paths: metrics, stats */
  async mayGet({ username, groups }: Caller, subresource: string): Promise<boolean> {
    return await this.#once(`access ${JSON.stringify([username, groups, subresource])}`, async () => {
      const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
      const resourceAttributes = {
        verb: 'get',
        version: 'v1',
        resource: 'nodes',
        subresource,
        name: this.#nodeName,
      };
      const { status } = await this.#client.create<AccessReview>(path, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: username, groups, resourceAttributes },
      });
      return status?.allowed === true;
    });
  }

  async #once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const now = performance.now();
    const known = this.#cache.get(key);
    if (known !== undefined && known.until > now) return (await known.value) as T;
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    const value = ask();
    this.#cache.set(key, { until: now + CACHE_MS, value });
    // A question that failed is asked again.
    value.catch(() => this.#cache.delete(key));
    return await value;
  }
}

/** User and groups of a client certificate, as the API server takes them: common name and organizations. */
function certified(socket: TLSSocket): Caller | undefined {
  const subject = socket.getPeerCertificate().subject as { CN?: string; O?: string | string[] } | undefined;
  if (subject?.CN === undefined || subject.CN === '') return undefined;
  const organizations = subject.O === undefined ? [] : [subject.O].flat();
  return { username: subject.CN, groups: [...organizations, 'system:authenticated'] };
}
