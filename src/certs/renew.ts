import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { withHostLock } from '../host/host-lock.ts';
import type { Emit } from '../phases/events.ts';
import { Ledger } from '../phases/ledger.ts';
import { runPhases } from '../phases/runner.ts';
import type { PkiFile } from '../pki/plan.ts';
import type { RenewOptions } from '../pki/renew.ts';
import { renewPhases } from './index.ts';
import { inventory } from './inventory.ts';
import { keptFiles, putBack } from './kept-files.ts';
import { planRenewals, type Renewal } from './plan.ts';
import { healthOf } from './static-pod.ts';

const ROOT_KUBECONFIG = '/root/.kube/config';
const ADMIN = 'admin.conf';

export interface RenewRun {
  readonly host: Host;
  readonly names: readonly string[] | 'all';
  readonly options: RenewOptions;
  readonly timeoutMs: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Renews certificates of this control plane and starts what uses them, one component at a time.
 * @returns the names of what was renewed
 */
export async function renewCertificates(run: RenewRun): Promise<string[]> {
  return await withHostLock('kadm certs renew', () => renewAlone(run));
}

async function renewAlone(run: RenewRun): Promise<string[]> {
  const { host, emit, signal, timeoutMs } = run;
  const ledger = await Ledger.open(host);
  if (ledger.begun === undefined) throw notSetUpHere();
  const names = await withCutShort(host, run.names, emit);
  const found = await inventory(host);
  const { renewals, left } = await planRenewals(found, names, run.options, new Date());
  for (const message of left) emit({ type: 'warning', path: [], message });
  const healthy = (await healthOf(host, 'kube-apiserver')) === undefined;
  const context = {
    host,
    ledger,
    renewals: await withRootsCopy(host, renewals, found.files),
    timeoutMs,
    apiServer: async () => (healthy ? await healthOf(host, 'kube-apiserver') : undefined),
  };
  await runPhases(renewPhases, context, { emit, signal });
  return renewals.map(({ name }) => name);
}

/** A run that was cut short left new files that nobody had tried: the old ones come back, and it begins again. */
async function withCutShort(host: Host, names: RenewRun['names'], emit: Emit): Promise<RenewRun['names']> {
  const kept = await keptFiles(host);
  if (kept === undefined) return names;
  await putBack(host, kept);
  const message = `an earlier renewal was cut short: ${kept.names.join(', ')} will be renewed again`;
  emit({ type: 'warning', path: [], message });
  return names === 'all' ? names : [...new Set([...names, ...kept.names])];
}

/** Root's kubeconfig is renewed with admin.conf while it is nothing but a copy of it. */
async function withRootsCopy(
  host: Host,
  renewals: readonly Renewal[],
  files: ReadonlyMap<string, string>,
): Promise<Renewal[]> {
  const copy = (await host.readFile(ROOT_KUBECONFIG))?.toString('utf8');
  const copies = ({ path, content }: PkiFile): PkiFile[] =>
    path.endsWith(`/${ADMIN}`) && files.get(path) === copy
      ? [{ path: ROOT_KUBECONFIG, content, mode: 0o600 }]
      : [];
  return renewals.map((one) => ({ ...one, files: [...one.files, ...one.files.flatMap(copies)] }));
}

function notSetUpHere(): UserError {
  return new UserError('this host was not set up by kadm, so kadm does not change its certificates', {
    remedy: 'on a control plane of kubeadm, kubeadm certs renew does it',
    exitCode: EXIT.preflight,
  });
}
