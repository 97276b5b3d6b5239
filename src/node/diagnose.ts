import type { Host } from '../host/host.ts';
import { unitLog } from '../host/systemd.ts';

const LAST_LINES = 10;
const POD_LOGS = '/var/log/pods';

/** How far back a cause is looked for. */
const SEARCHED_LINES = 200;

/** What the logs of components say when something common is wrong, and what it means. */
const CAUSES: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [/unknown flag: (--\S+)/, ([, flag]) => `it knows no argument ${flag}: mend its extraArgs`],
  [
    /invalid argument "([^"]*)" for "(--[^"]+)" flag/,
    ([, value, flag]) => `${JSON.stringify(value)} is no value for ${flag}: mend its extraArgs`,
  ],
  [/no space left on device/, () => 'a disk is full: make room where it keeps its data (df -h)'],
  [
    /listen tcp \S*:(\d+): bind: address already in use/,
    ([, port]) => `port ${port} is taken by another program (ss -ltnp)`,
  ],
  [
    /(?:failed to pull(?: and unpack)? image|failed to get sandbox image) \\*"([^"\\]+)/i,
    ([, image]) => `the image ${image} cannot be had: check the component source and imageRepository`,
  ],
  [
    /unknown service runtime\.v1\.RuntimeService/,
    () => 'containerd runs without its CRI: take cri out of disabled_plugins in its configuration',
  ],
  [
    // The kubelet asks containerd for its driver, but only when it starts.
    /expected cgroupsPath to be of format/,
    () =>
      'containerd has another cgroup driver than the kubelet found when it started: systemctl restart kubelet',
  ],
  [
    /certificate has expired or is not yet valid: current time (\S+) is before ([\d:.TZ+-]+)/,
    ([, time, begin]) =>
      `a certificate is not valid before ${begin}, and the clock of this host says ${time}: it is behind, or was ahead when kadm made the certificate (timedatectl; then kadm reset, and the same command again)`,
  ],
  [
    /certificate has expired or is not yet valid: current time (\S+) is after ([\d:.TZ+-]+)/,
    ([, time, end]) =>
      `a certificate expired at ${end}, and the clock of this host says ${time}: see timedatectl and kadm certs check-expiration`,
  ],
  [/permission denied/i, () => 'it may not read or write one of its files: see the lines below'],
];

/**
 * One line on the likely cause of what a component's log says; undefined when it is none of the common ones. What it
 * said last counts: lines before that may be of an earlier run, and mended since.
 */
export function likelyCause(log: string): string | undefined {
  for (const line of log.split('\n').reverse()) {
    for (const [pattern, explain] of CAUSES) {
      const found = pattern.exec(line);
      if (found !== null) return explain(found);
    }
  }
  return undefined;
}

/**
 * What static pods said last, the likely cause first: the end of the log of each one's container, and of the kubelet's
 * where a container never started.
 */
export async function lastWordsOf(host: Host, ...pods: readonly string[]): Promise<string> {
  const found = await Promise.all(pods.map(async (who) => ({ who, log: await containerLog(host, who) })));
  const logs = found.flatMap(({ who, log }) => (log === undefined ? [] : [{ who, log }]));
  const silent = found.flatMap(({ who, log }) => (log === undefined ? [who] : []));
  if (silent.length > 0 || !logs.some(({ log }) => likelyCause(log) !== undefined)) {
    logs.push({ who: 'kubelet', log: await unitLog(host, 'kubelet.service', SEARCHED_LINES) });
  }
  return [
    ...logs.flatMap(({ who, log }) => causeOf(who, log)),
    ...silent.map((who) => `${who} has no log: its container never started`),
    ...logs.map(
      ({ who, log }) => `the last lines of ${who}:\n${log.split('\n').slice(-LAST_LINES).join('\n')}`,
    ),
  ].join('\n');
}

function causeOf(who: string, log: string): string[] {
  const cause = likelyCause(log);
  return cause === undefined ? [] : [`likely cause (${who}): ${cause}`];
}

/** Of its last run, without the CRI's marks; undefined where there is none. */
async function containerLog(host: Host, pod: string): Promise<string | undefined> {
  const folder = (await host.list(POD_LOGS)).find((name) => name.startsWith(`kube-system_${pod}-`));
  if (folder === undefined) return undefined;
  const logs = `${POD_LOGS}/${folder}/${pod}`;
  // 0.log is the first run of the container, 1.log the second: the last one says why it does not run now.
  const newest = (await host.list(logs)).filter((name) => name.endsWith('.log')).at(-1);
  const text =
    newest === undefined ? undefined : (await host.readFile(`${logs}/${newest}`))?.toString('utf8');
  if (text === undefined || text.trim() === '') return undefined;
  return text.trim().split('\n').slice(-SEARCHED_LINES).map(withoutCriPrefix).join('\n');
}

/** Lines of the CRI log format start with time, stream and a tag. */
function withoutCriPrefix(line: string): string {
  return line.replace(/^\S+ (stdout|stderr) [FP] /, '');
}
