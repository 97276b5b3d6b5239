import { CONFLIST_PATH } from '../cni/conflist.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { kernelModule } from '../node/checks.ts';
import { KUBELET_CLIENT_PEM, KUBELET_KUBECONFIG } from '../node/kubelet.ts';
import { type Check, runChecks } from '../node/preflight.ts';
import type { Phase } from '../phases/phase.ts';
import type { AdoptContext } from './context.ts';

const CNI_DIRECTORY = '/etc/cni/net.d';

/** Looks before anything is changed. */
export const preflight: Phase<AdoptContext> = {
  id: 'preflight',
  title: 'Check that this host is a node that can be adopted',
  needs: [],
  async run({ host, ledger, settings }, step) {
    if (ledger.begun === 'init') {
      throw new UserError('this host is a control plane of kadm’s own; nothing was changed', {
        remedy: 'it has its agent from `kadm init`; where that was cut short, run it again',
        exitCode: EXIT.preflight,
      });
    }
    for (const path of [KUBELET_KUBECONFIG, KUBELET_CLIENT_PEM]) await demandNode(host, path);
    const checks = [kernelModule(host, 'br_netfilter', '/proc/sys/net/bridge'), otherNetwork(host)];
    await runChecks(checks, settings.ignorePreflightErrors, step);
  },
};

async function demandNode(host: Host, path: string): Promise<void> {
  if ((await host.stat(path)) !== undefined) return;
  throw new UserError(`this host is no node of a cluster: there is no ${path}`, {
    remedy: 'bring it into one first, with `kadm join` or `kubeadm join`',
    exitCode: EXIT.preflight,
  });
}

/** Two networks on one node would each have half of the pods. */
function otherNetwork(host: Host): Check {
  return {
    name: 'OtherNetwork',
    run: async () => {
      const own = CONFLIST_PATH.slice(CNI_DIRECTORY.length + 1);
      const others = (await host.list(CNI_DIRECTORY)).filter(
        (name) => /\.(conf|conflist|json)$/.test(name) && name !== own,
      );
      if (others.length === 0) return undefined;
      const paths = others.map((name) => `${CNI_DIRECTORY}/${name}`).join(', ');
      return {
        message: `this node has a pod network already (${paths})`,
        remedy: 'remove that network from the cluster first, and its files here',
      };
    },
  };
}
