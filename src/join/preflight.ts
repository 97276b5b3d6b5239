import { EXIT, UserError } from '../errors.ts';
import { type Check, fileAvailable, kernelModule, portFree, runChecks, swap } from '../node/preflight.ts';
import type { Phase } from '../phases/phase.ts';
import { parseCaPin } from '../pki/ca-pin.ts';
import { parseToken } from '../pki/token.ts';
import type { JoinContext } from './context.ts';

/** Looks before anything is changed. */
export const preflight: Phase<JoinContext> = {
  id: 'preflight',
  title: 'Check that this host can become a worker',
  needs: [],
  async run(context, step) {
    const { ledger, settings } = context;
    parseToken(settings.token);
    for (const hash of settings.caCertHashes) parseCaPin(hash);
    const done = ledger.completed ?? (ledger.begun === 'init' ? 'init' : undefined);
    if (done !== undefined) {
      const what = done === 'init' ? 'is a control plane' : 'has already joined a cluster';
      throw new UserError(`this host ${what}; nothing was changed`, {
        remedy: 'to join another cluster, run `kadm reset` first',
        exitCode: EXIT.preflight,
      });
    }
    await runChecks(checksFor(context), settings.ignorePreflightErrors, step);
  },
};

function checksFor({ host, ledger }: JoinContext): Check[] {
  const always = [swap(host), kernelModule(host, 'br_netfilter', '/proc/sys/net/bridge')];
  // A run that was cut short has its own files and programs here.
  if (ledger.begun !== undefined) return always;
  return [
    ...always,
    portFree(host, 10248),
    portFree(host, 10250),
    fileAvailable(host, '/etc/kubernetes/kubelet.conf'),
    fileAvailable(host, '/etc/kubernetes/bootstrap-kubelet.conf'),
  ];
}
