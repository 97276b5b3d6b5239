import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { differencesOf, type Master } from './differences.ts';
import { type ApiObject, apiObject, configuration, kubeconfig, staticPod } from './normalise.ts';

const KUBERNETES = '/etc/kubernetes';
const KUBECTL = ['kubectl', '--kubeconfig', `${KUBERNETES}/admin.conf`] as const;

/** Kinds that say what happens at this moment, not what somebody made. */
const PASSING = ['CertificateSigningRequest', 'ComponentStatus', 'Event', 'Lease', 'IPAddress'];
/** Who makes objects from others. */
const CONTROLLERS = ['kube-controller-manager', 'kube-scheduler', 'kubelet'];

const SETTLING_MS = 60_000;
const PAUSE_MS = 2_000;

/** What a tool has made of a master, read from the host and from the API once nothing changes any more. */
export async function captureMaster(host: LabHost): Promise<Master> {
  const end = performance.now() + SETTLING_MS;
  let before = await look(host);
  for (;;) {
    await sleep(PAUSE_MS);
    const now = await look(host);
    if (differencesOf(before, now).length === 0) return now;
    if (performance.now() > end) throw new Error('the cluster does not come to rest');
    before = now;
  }
}

async function look(host: LabHost): Promise<Master> {
  const [pods, kubeconfigs, kubelet, objects] = await Promise.all([
    staticPods(host),
    kubeconfigsOf(host),
    kubeletOf(host),
    objectsOf(host),
  ]);
  return { ...pods, ...kubeconfigs, ...kubelet, ...objects };
}

async function read(host: LabHost, path: string): Promise<string> {
  return (await host.exec(['cat', path])).stdout;
}

/** Names of the files of a folder that end so, without the ending. */
async function namesIn(host: LabHost, folder: string, ending: string): Promise<string[]> {
  const { stdout } = await host.exec(['ls', folder]);
  return stdout.split('\n').flatMap((name) => (name.endsWith(ending) ? [name.slice(0, -ending.length)] : []));
}

async function staticPods(host: LabHost): Promise<Master> {
  const folder = `${KUBERNETES}/manifests`;
  const names = await namesIn(host, folder, '.yaml');
  const pods = names.map(async (name) => [
    `static pod ${name}`,
    staticPod(await read(host, `${folder}/${name}.yaml`)),
  ]);
  return Object.fromEntries(await Promise.all(pods));
}

async function kubeconfigsOf(host: LabHost): Promise<Master> {
  const names = await namesIn(host, KUBERNETES, '.conf');
  const found = names.map(async (name) => [
    `kubeconfig ${name}.conf`,
    kubeconfig(await read(host, `${KUBERNETES}/${name}.conf`)),
  ]);
  return Object.fromEntries(await Promise.all(found));
}

async function kubeletOf(host: LabHost): Promise<Master> {
  const folder = '/var/lib/kubelet';
  const flags =
    /KUBELET_KUBEADM_ARGS="(.*)"/.exec(await read(host, `${folder}/kubeadm-flags.env`))?.[1] ?? '';
  const words = flags.split(' ').filter((word) => word !== '');
  return {
    'file kubelet/config.yaml': configuration(parse(await read(host, `${folder}/config.yaml`))),
    'file kubelet/instance-config.yaml': configuration(
      parse(await read(host, `${folder}/instance-config.yaml`)),
    ),
    'file kubelet/kubeadm-flags.env': Object.fromEntries(words.map((word) => word.split('='))),
  };
}

async function objectsOf(host: LabHost): Promise<Master> {
  const { stdout: names } = await host.exec([...KUBECTL, 'api-resources', '--verbs=list', '--output=name']);
  const kinds = names.trim().split('\n').join(',');
  const argv = [...KUBECTL, 'get', kinds, '--all-namespaces', '--show-managed-fields', '--output=json'];
  const { items } = JSON.parse((await host.exec(argv, { timeoutMs: 120_000 })).stdout) as {
    items: ApiObject[];
  };
  const made = items.filter((object) => !PASSING.includes(object.kind) && !byControllers(object));
  return Object.fromEntries(made.map((object) => [nameOf(object), apiObject(object)]));
}

function byControllers({ metadata }: ApiObject): boolean {
  const managers = (metadata.managedFields ?? []).map(({ manager }) => manager);
  return managers.length > 0 && managers.every((manager) => CONTROLLERS.includes(manager));
}

function nameOf({ kind, metadata }: ApiObject): string {
  const { name, namespace } = metadata;
  const path = namespace === undefined ? name : `${namespace}/${name}`;
  return `${kind} ${path.replace(/bootstrap-token-.*/, 'bootstrap-token-ID')}`;
}
