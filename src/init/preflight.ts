import type { ExternalEtcd } from '../config/control-plane.ts';
import type { NetworkSettings } from '../config/networks.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { detailOf } from '../kube/client.ts';
import {
  cidrsUnused,
  componentsThere,
  directoryAvailable,
  everyNode,
  fileAvailable,
  fileThere,
  firewalld,
  hostname,
  memory,
  noOtherRuntime,
  numCpu,
  ownAddress,
  portsFree,
} from '../node/checks.ts';
import { presentNodeName } from '../node/node-name.ts';
import { existingPki, placedIn } from '../node/pki-files.ts';
import { type Check, runChecks, tried } from '../node/preflight.ts';
import type { Phase } from '../phases/phase.ts';
import { isExternal } from '../pki/external.ts';
import { PKI_DIRECTORY, planPki } from '../pki/pki.ts';
import { pkiSettings } from './certs.ts';
import { type ControlPlaneContext, type InitContext, ownNodeIPs } from './context.ts';
import { patchesApply, volumesThere } from './written-check.ts';

/** What a control plane needs (Kubernetes documentation, kubeadm's requirements). */
const MINIMUM = { cpus: 2, memoryMiB: 1700 } as const;
const KUBELET_PORTS = [10248, 10250] as const;
const PORTS = [10257, 10259] as const;
const COMPONENTS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
const ETCD_PORTS = [2379, 2380, 2381] as const;

/** Looks before anything is changed. */
export const preflight: Phase<InitContext> = {
  id: 'preflight',
  title: 'Check that this host can become a control plane',
  needs: [],
  async run(context, step) {
    await refuseSecondCluster(context);
    await runChecks(checksFor(context), context.settings.ignorePreflightErrors, step);
    if (context.host.dryRun || context.ledger.begun !== undefined) return;
    await context.ledger.append({ verb: 'init', state: 'begun', version: context.release().kubernetes });
  },
};

async function refuseSecondCluster(context: InitContext): Promise<void> {
  const { ledger } = context;
  const done =
    ledger.completed ?? (ledger.begun === undefined || ledger.begun === 'init' ? undefined : 'join');
  if (done === undefined) return;
  const { what, remedy = 'to start anew, run `kadm reset` first' } =
    done === 'init' ? await presentMaster(context) : { what: 'has already joined a cluster' };
  throw new UserError(`this host ${what}; nothing was changed`, { remedy, exitCode: EXIT.preflight });
}

/** What is said of the control plane that this host is: one that is ill is not to be given up for that. */
async function presentMaster(context: InitContext): Promise<{ what: string; remedy?: string }> {
  const name = (await presentNodeName(context.host)) ?? context.settings.nodeName;
  const what = `is already a control plane (node ${name}), and it is`;
  const ill = await illnessOf(context);
  if (ill === undefined) return { what: `${what} healthy` };
  return {
    what: `${what} not healthy: ${ill}`,
    remedy:
      '`journalctl -u kubelet` and the logs in /var/log/containers say why; `kadm reset` would remove it with its data',
  };
}

/** Why its API server is not ready; undefined when it is. */
async function illnessOf({ api }: InitContext): Promise<string | undefined> {
  try {
    await (await api()).text('/readyz');
    return undefined;
  } catch (error) {
    return detailOf(error);
  }
}

/** What every host must have that is to be a control plane. */
export function controlPlaneMachine(): Check[] {
  return [numCpu(MINIMUM.cpus), memory(MINIMUM.memoryMiB)];
}

/** Of a further control plane what is checked once its cluster is known: of kadm's own nothing is here yet. */
export function controlPlaneChecks(context: ControlPlaneContext): Check[] {
  const { host, settings } = context;
  const { etcd } = settings;
  return [
    ownAddress(host, settings.advertiseAddress),
    patchesApply(context),
    volumesThere(context),
    ...portsFree(host, portsOf(settings)),
    ...manifestsAvailable(host, etcd.kind),
    ...(etcd.kind === 'local' ? [directoryAvailable(host, etcd.dataDir)] : []),
  ];
}

/** Just those: people put other static pods there, such as one that holds the address of the control plane. */
function manifestsAvailable(host: Host, etcd: 'local' | 'external'): Check[] {
  const names = [...(etcd === 'local' ? ['etcd'] : []), ...COMPONENTS];
  return names.map((name) => fileAvailable(host, `/etc/kubernetes/manifests/${name}.yaml`));
}

/** Those of the control plane itself; a worker has the kubelet's too. */
function portsOf({ apiPort, etcd }: ControlPlaneContext['settings']): number[] {
  return [apiPort, ...PORTS, ...(etcd.kind === 'local' ? ETCD_PORTS : [])];
}

function checksFor(context: InitContext): Check[] {
  const { host, settings, ledger } = context;
  const always = [
    componentsThere(context),
    ...controlPlaneMachine(),
    ...everyNode(host),
    hostname(settings.nodeName),
    firewalld(host, [`TCP ${settings.apiPort} and 10250`, ...tunnelPort(settings.network)]),
    ownAddress(host, settings.advertiseAddress),
    nodeAddresses(context),
    usualPlaceFree(context),
    patchesApply(context),
    volumesThere(context),
  ];
  const { etcd } = settings;
  // A run that was cut short has its own files and programs here.
  if (ledger.begun !== undefined) return always;
  return [
    ...always,
    ...portsFree(host, [...KUBELET_PORTS, ...portsOf(settings)]),
    noOtherRuntime(host),
    cidrsUnused(host, [...settings.podCidrs, ...settings.serviceCidrs]),
    ...manifestsAvailable(host, etcd.kind),
    ...(etcd.kind === 'local' ? [directoryAvailable(host, etcd.dataDir)] : etcdFiles(host, etcd)),
    kubeletKubeconfig(context),
    existingCertificates(context),
  ];
}

function tunnelPort({ backend, port }: NetworkSettings): string[] {
  return backend === 'vxlan' || backend === 'auto' ? [`UDP ${port}`] : [];
}

/** Where the cluster has both families, its node needs an address of each. */
function nodeAddresses(context: InitContext): Check {
  return tried('NodeAddresses', async () => void (await ownNodeIPs(context)));
}

/** An external authority has signed it before there is a cluster. */
function kubeletKubeconfig(context: InitContext): Check {
  const { name, run } = fileAvailable(context.host, '/etc/kubernetes/kubelet.conf');
  return {
    name,
    run: async () => (isExternal(await pkiOf(context), 'ca') ? undefined : await run()),
  };
}

/** What the folder holds in which the certificates are to be; no link leads to it yet. */
async function pkiOf({ host, settings }: InitContext): Promise<Map<string, string>> {
  return await existingPki(host, placedIn(settings.certificatesDir));
}

/** Files of a PKI that are there already have to be right, and complete where an external authority signs them. */
function existingCertificates(context: InitContext): Check {
  return tried('ExistingPKI', async () => {
    const existing = await pkiOf(context);
    if (existing.size > 0) await planPki(pkiSettings(context.settings), existing, new Date());
  });
}

function etcdFiles(host: Host, { caFile, certFile, keyFile }: ExternalEtcd): Check[] {
  return [caFile, certFile, keyFile].flatMap((file) => (file === undefined ? [] : [fileThere(host, file)]));
}

/** Certificates that are to be elsewhere are led to from the usual place, which has to be free for that. */
function usualPlaceFree({ host, settings }: InitContext): Check {
  return {
    name: 'DirAvailable--etc-kubernetes-pki',
    run: async () => {
      if (settings.certificatesDir === PKI_DIRECTORY) return undefined;
      if ((await host.stat(PKI_DIRECTORY))?.isDirectory() !== true) return undefined;
      return {
        message: `certificates are to be in ${settings.certificatesDir}, but there is a folder ${PKI_DIRECTORY}`,
        remedy: 'move it away, or name it',
      };
    },
  };
}
