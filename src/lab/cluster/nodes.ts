import { parseAllDocuments } from 'yaml';
import { UserError } from '../../errors.ts';
import { runVerbOnHost } from '../../fleet/run-verb.ts';
import { LocalHost } from '../../host/host.ts';
import { sha256File } from '../../host/large-file.ts';
import { Ledger, STATE_DIRECTORY } from '../../phases/ledger.ts';
import type { Phase } from '../../phases/phase.ts';
import { Connector } from '../../ssh/connector.ts';
import { parseTarget } from '../../ssh/target.ts';
import { CONFIG_PATH } from '../host-config.ts';
import type { LabHost } from '../lab-host.ts';
import type { UpContext } from '../up/context.ts';

/** All hosts as one cluster: what a person would do on the first one with a file that names them. */
export const nodes: Phase<UpContext> = {
  id: 'nodes',
  title: 'kadm up on h1',
  needs: ['hosts', 'components'],
  async run({ lab, record }, step) {
    const completed = await Promise.all(lab.hosts.map(completedOn));
    if (!completed.includes(undefined)) return step.note('all hosts are nodes already');
    const first = lab.host('h1');
    const path = record.tools;
    const sha256 = path === undefined ? undefined : await sha256File(path);
    if (path === undefined || sha256 === undefined) {
      throw new UserError('a lab with a cluster needs the built executable', { remedy: 'npm run build' });
    }
    const target = {
      ...parseTarget(`root@${first.address}`, { sshConfig: '' }),
      name: first.name,
      identityFiles: [lab.sshKey],
      knownHostsFiles: [lab.knownHosts],
    };
    const connector = new Connector({ acceptNewHostKeys: false, signal: step.signal });
    const input = await clusterFile(lab.hosts);
    const verb = { argv: ['up', '--file', '-'], input, emit: step.emit };
    await runVerbOnHost(target, { connector, executable: { path, sha256 } }, verb);
  },
};

/** What the lab's hosts are told of themselves, and which hosts there are. */
export async function clusterFile(hosts: readonly Pick<LabHost, 'name' | 'rootfs'>[]): Promise<string> {
  const [first] = hosts;
  if (first === undefined) throw new Error('a lab without hosts');
  const role = { role: 'control-plane' };
  return await clusterFileOf(
    first,
    hosts.map((host) => ({ address: host.name, ...(host === first ? role : {}) })),
  );
}

/** What a lab host is told of itself, with these entries as spec.hosts. */
export async function clusterFileOf(
  { rootfs }: Pick<LabHost, 'rootfs'>,
  entries: readonly object[],
): Promise<string> {
  const text = (await new LocalHost().readFile(`${rootfs}${CONFIG_PATH}`))?.toString('utf8') ?? '';
  const documents = parseAllDocuments(text);
  documents.find((document) => document.get('kind') === 'Cluster')?.setIn(['spec', 'hosts'], entries);
  return documents.map(String).join('');
}

/** The verb that kadm has completed on a host; its disk is visible from the machine. */
async function completedOn(host: LabHost): Promise<'init' | 'join' | undefined> {
  return (await Ledger.open(new LocalHost(), `${host.rootfs}${STATE_DIRECTORY}`)).completed;
}
