import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { BRIDGE, ROUTE_PROTOCOL } from '../cni/desired.ts';
import { NFT_TABLE } from '../cni/network-table.ts';
import { isRouteToPods, tellsWhatIsWanted, type WantedEntries } from './wanted-news.ts';

/** News that come within this time are read together; meanwhile the pipe holds 600 lines. */
const GATHER_MS = 5;

/**
 * Listens to the kernel's own news (rtnetlink by `ip monitor`, nfnetlink by `nft monitor`) until the signal, and
 * tells of those that concern the network. Forwarding entries are among the neighbours.
 * @param wanted entries of peers, as they are wanted now
 * @throws Error when one of the two ends by itself
 */
export async function kernelEvents(
  network: { readonly vni: number },
  signal: AbortSignal,
  onEvent: () => void,
  wanted: () => WantedEntries | undefined,
): Promise<void> {
  const links = new LinkNews(network.vni);
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  try {
    await Promise.race([
      tell(['ip', '-details', 'monitor', 'label', 'link', 'address', 'route', 'neigh'], all, (line) => {
        const concerns = links.concernsNetwork(line) || isRouteToPods(line, wanted());
        if (concerns && !tellsWhatIsWanted(line, wanted())) onEvent();
      }),
      // Chains alone: a flushed table loses its own, and kube-proxy's many rules are not printed.
      tell(['nft', 'monitor', 'chains'], all, (line) => {
        if (concernsRules(line)) onEvent();
      }),
    ]);
  } finally {
    stop.abort();
  }
}

async function tell(
  argv: readonly string[],
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<void> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.stdout.once('end', resolve);
      readLines(child.stdout, (line) => {
        try {
          onLine(line);
        } catch (error) {
          reject(error);
        }
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
  if (!signal.aborted) throw new Error(`${argv.slice(0, 3).join(' ')} ended`);
}

/** The monitors write each line by itself: of a batch of thousands, each would wake this process. */
function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    stream.pause();
    setTimeout(() => stream.resume(), GATHER_MS);
  });
}

/** Lines of `ip -details monitor label`, of which some only matter for what was said before. */
export class LinkNews {
  readonly #vxlan: string;
  /** The first line of the last news of each device that pods' coming and going also makes news of. */
  readonly #last = new Map<string, string>();

  constructor(vni: number) {
    this.#vxlan = `vxlan id ${vni} `;
  }

  /**
   * Whether a line is about the tunnel under whatever name, the pods' bridge, an address or an interface of this
   * host. Of pods there is far more news: what names a link of theirs is not looked into, and of their bridge
   * only what was not so before.
   */
  concernsNetwork(line: string): boolean {
    if (/ flannel(-v6)?\./.test(line) || line.includes(this.#vxlan)) return true;
    if (line.includes(` proto ${ROUTE_PROTOCOL} `)) return true;
    const [, label, device = ''] = /^\[(LINK|ADDR)\](?:Deleted )?\d+: ([^\s:@]+)/.exec(line) ?? [];
    if (label === undefined || device.startsWith('veth')) return false;
    if (label === 'ADDR' || line.includes('Deleted')) return true;
    const before = this.#last.get(device);
    this.#last.set(device, line);
    // The bridge gains and loses carrier with its first and last pod.
    return device === BRIDGE ? steady(before ?? line) !== steady(line) : before !== line;
  }
}

function steady(line: string): string {
  return line.replace(/NO-CARRIER,|,LOWER_UP|state \S+|event .*$/g, '').trim();
}

const OUR_RULES = new RegExp(` ip6? (${NFT_TABLE}|filter FORWARD) `);

/** Whether a line of `nft monitor chains` is about our table, or about what the host lets pass. */
export function concernsRules(line: string): boolean {
  return OUR_RULES.test(line);
}
