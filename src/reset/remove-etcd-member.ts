import { hostname } from 'node:os';
import { EXIT, messageOf, UserError } from '../errors.ts';
import { EtcdClient, type EtcdCredentials, etcdCredentials, type Member } from '../etcd/client.ts';
import { etcdEndpoints } from '../etcd/endpoints.ts';
import { leaving } from '../etcd/membership.ts';
import type { Host } from '../host/host.ts';
import { hostAddresses } from '../host/network.ts';
import { KubeClient } from '../kube/client.ts';
import { ControlPlaneLock } from '../kube/control-plane-lock.ts';
import { deleteNode } from '../kube/delete-node.ts';
import type { Phase, Step } from '../phases/phase.ts';
import { type ApiCredentials, credentialsFrom } from '../pki/kubeconfig.ts';
import type { ResetContext } from './context.ts';

const ID = 'remove-etcd-member';
const LOCAL_ETCD = ['https://127.0.0.1:2379', 'https://[::1]:2379'] as const;
const ADMIN_KUBECONFIG = '/etc/kubernetes/super-admin.conf';
/** It names the API server of this host. */
const LOCAL_KUBECONFIG = '/etc/kubernetes/controller-manager.conf';
const CALL_TIMEOUT_MS = 10_000;
const LOCK_TIMEOUT_MS = 5 * 60_000;

/** Takes this host out of etcd before its data goes: a member that is only missing weakens the others for good. */
export const removeEtcdMember: Phase<ResetContext> = {
  id: ID,
  title: 'Leave etcd and the control plane',
  needs: ['preflight'],
  skip: ({ ledger }) => (ledger.changes.length === 0 ? 'kadm made none here' : undefined),
  async run({ host, ledger }, step) {
    const credentials = await etcdCredentials(host);
    if (credentials === undefined) return step.note('there is none here');
    const api = await adminCredentials(host);
    const found = await members(credentials, api);
    if ('unknown' in found) {
      // One that was only half made has had no others beside it.
      if (ledger.completed === undefined && ledger.begun !== 'join') return step.note('it does not run');
      return step.warn(
        `etcd does not answer (${found.unknown}): where other control planes are left, take this member out there`,
      );
    }
    const own = await hostAddresses(host);
    const isSelf = ({ peerURLs }: Member): boolean => peerURLs.some((url) => own.includes(hostIn(url)));
    if (!found.members.some(isSelf)) return step.note('this host is no member of it');
    const others = found.members.filter((member) => !isSelf(member));
    if (others.length === 0) return step.note('it is the only member');
    if (host.dryRun) return step.note('it would leave');
    await leave({ host, credentials, api, others, isSelf }, step);
  },
};

/** All members, as the one of this host knows them, or those whose pods tell where they are. */
async function members(
  credentials: EtcdCredentials,
  api: ApiCredentials | undefined,
): Promise<{ readonly members: Member[] } | { readonly unknown: string }> {
  try {
    return { members: await new EtcdClient(LOCAL_ETCD, credentials).members() };
  } catch (error) {
    const cause = messageOf(error).split('\n')[0] ?? '';
    if (api === undefined) return { unknown: cause };
    const client = new KubeClient(api, { timeoutMs: CALL_TIMEOUT_MS });
    try {
      return { members: await new EtcdClient(await etcdEndpoints(client), credentials).members() };
    } catch {
      return { unknown: cause };
    } finally {
      client.close();
    }
  }
}

interface Departure {
  readonly host: Host;
  readonly credentials: EtcdCredentials;
  readonly api: ApiCredentials | undefined;
  readonly others: readonly Member[];
  readonly isSelf: (member: Member) => boolean;
}

async function leave({ host, credentials, api, others, isSelf }: Departure, step: Step): Promise<void> {
  const etcd = new EtcdClient(
    [...others.flatMap(({ clientURLs }) => clientURLs), ...LOCAL_ETCD],
    credentials,
  );
  const client = api && (await reached(host, api, others));
  const holder = `${hostname()} (leaving)`;
  const { signal, progress } = step;
  const lock =
    client &&
    (await ControlPlaneLock.acquire(client, holder, { timeoutMs: LOCK_TIMEOUT_MS, signal, progress }));
  try {
    const now = await etcd.members();
    const well = await Promise.all(
      now.map(async (member) => ((await etcd.isWell(member)) ? [member.ID] : [])),
    );
    const plan = leaving(now, isSelf, new Set(well.flat()));
    if (plan.kind === 'would-break') throw wouldBreak(plan.unwell, plan.left);
    if (plan.kind === 'nothing') return step.note('it has left already');
    await host.run(['systemctl', 'stop', 'kubelet.service'], { allowFailure: true });
    if (client !== undefined && plan.member.name !== '') await deleteNode(client, plan.member.name);
    await etcd.remove(plan.member.ID);
    step.note(`${now.length - 1} members are left`);
  } finally {
    await lock?.release(step.warn);
    client?.close();
  }
}

function wouldBreak(unwell: readonly Member[], left: number): UserError {
  const names = unwell.map(({ name, peerURLs }) => name || peerURLs.join(', ')).join(', ');
  const count = `${left - unwell.length} of ${left} members`;
  return new UserError(
    `without this host etcd would lose its quorum: ${count} would be well, and not ${names}; nothing was changed`,
    {
      remedy: `bring ${names} back first; or, when the whole cluster is to go: kadm reset --skip-phases ${ID}`,
      exitCode: EXIT.preflight,
    },
  );
}

/** An API server that stays when this host goes; undefined where none answers. */
async function reached(
  host: Host,
  api: ApiCredentials,
  others: readonly Member[],
): Promise<KubeClient | undefined> {
  const local = (await host.readFile(LOCAL_KUBECONFIG))?.toString('utf8');
  const port = local === undefined ? '6443' : new URL(credentialsFrom(local).server).port;
  const hosts = others.flatMap(({ clientURLs }) => clientURLs.map((url) => new URL(url).hostname));
  for (const server of [...hosts.map((name) => `https://${name}:${port}`), api.server]) {
    const client = new KubeClient({ ...api, server }, { timeoutMs: CALL_TIMEOUT_MS });
    try {
      await client.text('/livez');
      return client;
    } catch {
      client.close();
    }
  }
  return undefined;
}

async function adminCredentials(host: Host): Promise<ApiCredentials | undefined> {
  const text = (await host.readFile(ADMIN_KUBECONFIG))?.toString('utf8');
  return text === undefined ? undefined : credentialsFrom(text);
}

function hostIn(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}
