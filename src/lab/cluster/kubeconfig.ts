import { LocalHost } from '../../host/host.ts';
import type { Phase } from '../../phases/phase.ts';
import { labPaths } from '../paths.ts';
import type { UpContext } from '../up/context.ts';

/** So that kubectl on the machine itself reaches the lab's cluster. */
export const kubeconfig: Phase<UpContext> = {
  id: 'kubeconfig',
  title: 'Kubeconfig for this machine',
  needs: ['nodes'],
  async run({ lab, record }) {
    const { stdout } = await lab.host('h1').exec(['cat', '/etc/kubernetes/admin.conf']);
    await new LocalHost().writeFile(labPaths(record.name).kubeconfig, stdout, { mode: 0o600 });
  },
};
