import { bracketed } from '../../config/family.ts';
import { messageOf, UserError } from '../../errors.ts';
import { EtcdClient, etcdCredentials, type Member } from '../../etcd/client.ts';
import { etcdEndpoints } from '../../etcd/endpoints.ts';
import { initialCluster, joining } from '../../etcd/membership.ts';
import type { ControlPlaneContext } from '../../init/context.ts';
import { etcdPod } from '../../init/etcd.ts';
import { writeStaticPod } from '../../init/static-pod.ts';
import { changesOf } from '../../node/context.ts';
import { lastWordsOf } from '../../node/diagnose.ts';
import type { Phase, Step } from '../../phases/phase.ts';
import { waitFor } from '../../phases/wait.ts';
import type { ControlPlaneJoinContext } from './context.ts';

const RETRY_MS = 500;

/** One more member of etcd, at first without a vote, so that one that never starts does not cost the quorum. */
export const etcd: Phase<ControlPlaneJoinContext> = {
  id: 'etcd',
  title: 'Announce a member of etcd, and write its manifest',
  needs: ['control-plane-lock'],
  async run(context, step) {
    const here = context.here();
    const { etcd: local } = here.settings;
    if (local.kind === 'external') return step.note('none here: it is somebody else’s');
    const changes = changesOf(context, 'etcd');
    if (context.host.dryRun) return await writeStaticPod(changes, etcdPod(here, local), here.patches);
    const hasData = (await context.host.stat(`${local.dataDir}/member`)) !== undefined;
    await changes.tree(local.dataDir, 0o700);
    const client = await clientOf(context, step);
    const url = peerURL(here);
    const members = await announced(client, url, hasData);
    const cluster = initialCluster(members, url, here.settings.nodeName);
    await writeStaticPod(changes, etcdPod(here, local, cluster), here.patches);
    step.note(`${members.length} members`);
  },
};

/** All members, this host among them. */
async function announced(client: EtcdClient, url: string, hasData: boolean): Promise<Member[]> {
  const members = await client.members({ sure: true });
  const plan = joining(members, url, hasData);
  if (plan.step === 'go-on') return members;
  const other = members.find((member) => member.isLearner && !member.peerURLs.includes(url));
  if (other !== undefined) {
    throw new UserError(`etcd has a new member that never came up: ${other.peerURLs.join(', ')}`, {
      remedy: 'run `kadm join` on that host again, or `kadm reset`, which takes it out; then this again',
    });
  }
  if (plan.step === 'replace') await client.remove(plan.member.ID);
  return await client.addLearner(url);
}

/** Gives the new member its vote, once it has the data. */
export const etcdJoin: Phase<ControlPlaneJoinContext> = {
  id: 'etcd-join',
  title: 'Become a member of etcd with a vote',
  needs: ['kubelet-start'],
  async run(context, step) {
    const here = context.here();
    const { etcd: local, timeouts } = here.settings;
    if (local.kind === 'external') return step.note('it is somebody else’s');
    if (context.host.dryRun) return;
    const client = await clientOf(context, step);
    const url = peerURL(here);
    await waitFor({
      what: 'the member of etcd on this host',
      timeoutMs: timeouts.etcdCallMs,
      intervalMs: RETRY_MS,
      signal: step.signal,
      progress: step.progress,
      check: async () => await notYetVoting(client, url),
      diagnose: async () => await lastWordsOf(context.host, 'etcd'),
    });
  },
};

/** Undefined once it has a vote; until then it is asked for again and again, as etcd demands. */
async function notYetVoting(client: EtcdClient, url: string): Promise<string | undefined> {
  try {
    const member = (await client.members()).find(({ peerURLs }) => peerURLs.includes(url));
    if (member === undefined) return 'etcd does not know this host';
    if (member.name === '') return 'it has not started';
    if (member.isLearner) await client.promote(member.ID);
    return (await client.isWell(member)) ? undefined : 'it does not answer';
  } catch (error) {
    // Such as: it is not in sync with the leader yet.
    return messageOf(error).split('\n')[0];
  }
}

/** Of a control plane that still comes up the API knows no pods before it knows the node. */
async function clientOf({ host, others, here }: ControlPlaneJoinContext, step: Step): Promise<EtcdClient> {
  const credentials = await etcdCredentials(host);
  if (credentials === undefined) throw new Error('etcd is asked before there are certificates');
  let endpoints: string[] = [];
  await waitFor({
    what: 'the first control plane to tell where its etcd is',
    timeoutMs: here().settings.timeouts.controlPlaneMs,
    signal: step.signal,
    progress: step.progress,
    check: async () => {
      endpoints = await etcdEndpoints(await others());
      return endpoints.length === 0 ? 'the API has no pods of etcd yet' : undefined;
    },
  });
  return new EtcdClient(endpoints, credentials);
}

function peerURL({ settings }: ControlPlaneContext): string {
  return `https://${bracketed(settings.advertiseAddress)}:2380`;
}
