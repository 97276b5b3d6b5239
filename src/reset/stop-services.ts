import { unitState } from '../host/systemd.ts';
import type { Phase } from '../phases/phase.ts';
import type { ResetContext } from './context.ts';

const UNITS = ['kubelet.service', 'kadm-agent.service'] as const;

/** The kubelet first: it would start again whatever is stopped after it. */
export const stopServices: Phase<ResetContext> = {
  id: 'stop-services',
  title: 'Stop the kubelet and the agent',
  needs: ['remove-etcd-member'],
  async run({ host, ledger }) {
    for (const unit of UNITS) {
      const recorded = ledger.changes.some((change) => change.kind === 'unit' && change.name === unit);
      if (recorded && (await unitState(host, unit)).active) await host.run(['systemctl', 'stop', unit]);
    }
  },
};
