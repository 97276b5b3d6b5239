import { UserError } from '../../errors.ts';
import { runVerbOnHost } from '../../fleet/run-verb.ts';
import { LocalHost } from '../../host/host.ts';
import { sha256File } from '../../host/large-file.ts';
import { Ledger, STATE_DIRECTORY } from '../../phases/ledger.ts';
import type { Step } from '../../phases/phase.ts';
import type { LabHost } from '../lab-host.ts';
import type { UpContext } from '../up/context.ts';

/** Runs a verb of kadm on a lab host over SSH, as on any other machine. */
export async function runOnLabHost(
  { lab, record }: UpContext,
  host: LabHost,
  argv: readonly string[],
  step: Step,
): Promise<void> {
  const path = record.tools;
  const sha256 = path === undefined ? undefined : await sha256File(path);
  if (path === undefined || sha256 === undefined) {
    throw new UserError('a lab with a cluster needs the built executable', { remedy: 'npm run build' });
  }
  const target = {
    name: host.name,
    host: host.address,
    port: 22,
    user: 'root',
    identityFiles: [lab.sshKey],
    knownHostsFiles: [lab.knownHosts],
  };
  const connect = { acceptNewHostKeys: false, signal: step.signal };
  await runVerbOnHost(
    target,
    { connect, executable: { path, sha256 } },
    { argv, input: '', emit: step.emit },
  );
}

/** The verb that kadm has completed on a host; its disk is visible from the machine. */
export async function completedOn(host: LabHost): Promise<'init' | 'join' | undefined> {
  return (await Ledger.open(new LocalHost(), `${host.rootfs}${STATE_DIRECTORY}`)).completed;
}
