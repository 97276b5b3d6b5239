import { AGENT_SETTINGS } from '../agent/paths.ts';
import { keepBackend, readAgentSettings } from '../agent/settings.ts';
import { withdraw } from '../agent/withdraw.ts';
import { removeOwnNetwork } from '../cni/cleanup.ts';
import { IPAM_DIRECTORY } from '../cni/conflist.ts';
import type { Phase } from '../phases/phase.ts';
import { undo } from '../phases/undo.ts';
import { AGENT_IDENTITY } from '../pki/pki.ts';
import type { ResetContext } from './context.ts';

const UNIT = 'kadm-agent.service';

/** What `kadm network uninstall` does. The agent ends first: it would bring back whatever goes. */
export const networkUninstallPhases: readonly Phase<ResetContext>[] = [
  {
    id: 'withdraw',
    title: 'Take back what the Node tells of its network',
    needs: [],
    async run({ host }, step) {
      const settings = await readAgentSettings(AGENT_SETTINGS);
      await host.run(['systemctl', 'stop', UNIT]);
      await withdraw(settings, step);
    },
  },
  {
    id: 'clean-network',
    title: 'Remove links, routes, rules and the CNI configuration',
    needs: ['withdraw'],
    async run({ host }) {
      await removeOwnNetwork(host);
      await host.removeTree(IPAM_DIRECTORY);
    },
  },
  {
    id: 'agent',
    title: 'Remove the agent',
    needs: ['clean-network'],
    async run({ host, ledger }, step) {
      const { role } = await readAgentSettings(AGENT_SETTINGS);
      if (role === 'control-plane') {
        // It also approves the certificates of nodes.
        await keepBackend(host, AGENT_SETTINGS, 'none');
        await host.run(['systemctl', 'start', '--no-block', UNIT]);
        step.note('it stays, for the certificates of nodes, without a network');
        return;
      }
      await undo(host, ledger, ledger.changesOf('network'));
      await host.removeFile(AGENT_IDENTITY);
    },
  },
];
