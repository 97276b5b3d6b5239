import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { existingPki } from '../node/pki-files.ts';
import {
  type Check,
  cidrsUnused,
  componentsThere,
  directoryAvailable,
  fileAvailable,
  kernelModule,
  memory,
  numCpu,
  ownAddress,
  portFree,
  runChecks,
  swap,
} from '../node/preflight.ts';
import type { Phase } from '../phases/phase.ts';
import { isExternal, missingSignatures } from '../pki/external.ts';
import type { InitContext } from './context.ts';

/** What a control plane needs (Kubernetes documentation, kubeadm's requirements). */
const MINIMUM = { cpus: 2, memoryMiB: 1700 } as const;
const PORTS = [2379, 2380, 2381, 10248, 10250, 10257, 10259] as const;

/** Looks before anything is changed. */
export const preflight: Phase<InitContext> = {
  id: 'preflight',
  title: 'Check that this host can become a control plane',
  needs: [],
  async run(context, step) {
    refuseSecondCluster(context);
    await runChecks(checksFor(context), context.settings.ignorePreflightErrors, step);
    if (context.host.dryRun || context.ledger.begun !== undefined) return;
    await context.ledger.append({ verb: 'init', state: 'begun', version: context.release().kubernetes });
  },
};

function refuseSecondCluster({ ledger, settings }: InitContext): void {
  const done = ledger.completed ?? (ledger.begun === 'join' ? 'join' : undefined);
  if (done === undefined) return;
  const what =
    done === 'init'
      ? `is already a control plane (node ${settings.nodeName})`
      : 'has already joined a cluster';
  throw new UserError(`this host ${what}; nothing was changed`, {
    remedy: 'to start anew, run `kadm reset` first',
    exitCode: EXIT.preflight,
  });
}

function checksFor(context: InitContext): Check[] {
  const { host, settings, ledger } = context;
  const always = [
    componentsThere(context),
    numCpu(MINIMUM.cpus),
    memory(MINIMUM.memoryMiB),
    swap(host),
    kernelModule(host, 'br_netfilter', '/proc/sys/net/bridge'),
    ownAddress(host, settings.advertiseAddress),
    signedCertificates(host),
  ];
  // A run that was cut short has its own files and programs here.
  if (ledger.begun !== undefined) return always;
  return [
    ...always,
    ...[settings.apiPort, ...PORTS].map((port) => portFree(host, port)),
    cidrsUnused(host, [...settings.podCidrs, ...settings.serviceCidrs]),
    directoryAvailable(host, '/etc/kubernetes/manifests'),
    directoryAvailable(host, '/var/lib/etcd'),
    kubeletKubeconfig(host),
  ];
}

/** An external authority has signed it before there is a cluster. */
function kubeletKubeconfig(host: Host): Check {
  const { name, run } = fileAvailable(host, '/etc/kubernetes/kubelet.conf');
  return {
    name,
    run: async () => (isExternal(await existingPki(host), 'ca') ? undefined : await run()),
  };
}

/** Where an authority is an external one, all that it signs must be there. */
function signedCertificates(host: Host): Check {
  return { name: 'ExternalCA', run: async () => missingSignatures(await existingPki(host)) };
}
