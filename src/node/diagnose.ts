import type { Host } from '../host/host.ts';
import { unitLog } from '../host/systemd.ts';

const LAST_LINES = 10;
const POD_LOGS = '/var/log/pods';

/** The end of the log of a static pod's container, or of the kubelet when the container never started. */
export async function lastWordsOf(host: Host, pod: string): Promise<string> {
  const folder = (await host.list(POD_LOGS)).find((name) => name.startsWith(`kube-system_${pod}-`));
  if (folder !== undefined) {
    const logs = `${POD_LOGS}/${folder}/${pod}`;
    // 0.log is the first run of the container, 1.log the second: the last one says why it does not run now.
    const newest = (await host.list(logs)).filter((name) => name.endsWith('.log')).at(-1);
    const text = newest === undefined ? undefined : await host.readFile(`${logs}/${newest}`);
    const lines = text?.toString('utf8').trim().split('\n').slice(-LAST_LINES).map(withoutCriPrefix);
    if (lines !== undefined && lines.join('') !== '') return `the last lines of ${pod}:\n${lines.join('\n')}`;
  }
  return `${pod} has no log; the last lines of the kubelet:\n${await unitLog(host, 'kubelet.service', LAST_LINES)}`;
}

/** Lines of the CRI log format start with time, stream and a tag. */
function withoutCriPrefix(line: string): string {
  return line.replace(/^\S+ (stdout|stderr) [FP] /, '');
}
