import { EXIT, UserError } from '../errors.ts';
import { controlPlaneMachine } from '../init/preflight.ts';
import {
  directoryAvailable,
  everyNode,
  fileAvailable,
  firewalld,
  noOtherRuntime,
  portsFree,
} from '../node/checks.ts';
import { type Check, runChecks } from '../node/preflight.ts';
import type { Phase } from '../phases/phase.ts';
import { parseCaPin } from '../pki/ca-pin.ts';
import { parseToken } from '../pki/token.ts';
import type { JoinContext } from './context.ts';

const TITLE = 'Check that this host can become a worker';

/** Looks before anything is changed. */
export const preflight: Phase<JoinContext> = {
  id: 'preflight',
  title: TITLE,
  needs: [],
  async run(context, step) {
    const { discovery, tlsBootstrapToken } = await context.assignment();
    if (discovery.kind === 'token') {
      parseToken(discovery.token);
      for (const hash of discovery.caCertHashes) parseCaPin(hash);
    }
    if (tlsBootstrapToken !== undefined) parseToken(tlsBootstrapToken);
    await checkHost.run(context, step);
  },
};

/** The part of it that can be done before the cluster is known. */
export const checkHost: Phase<JoinContext> = {
  id: 'preflight',
  title: TITLE,
  needs: [],
  async run(context, step) {
    const { ledger, settings } = context;
    const done =
      ledger.completed ?? (ledger.begun === undefined || ledger.begun === 'join' ? undefined : ledger.begun);
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

function checksFor({ host, ledger, controlPlane }: JoinContext): Check[] {
  const always = [
    ...everyNode(host),
    firewalld(host, ['TCP 10250', 'UDP 8472']),
    ...(controlPlane === undefined ? [] : controlPlaneMachine()),
  ];
  // A run that was cut short has its own files and programs here.
  if (ledger.begun !== undefined) return always;
  return [
    ...always,
    ...portsFree(host, [10248, 10250, ...(controlPlane === undefined ? [] : [controlPlane.apiPort])]),
    ...(controlPlane === undefined ? [directoryAvailable(host, '/etc/kubernetes/manifests')] : []),
    noOtherRuntime(host),
    fileAvailable(host, '/etc/kubernetes/kubelet.conf'),
    fileAvailable(host, '/etc/kubernetes/bootstrap-kubelet.conf'),
  ];
}
