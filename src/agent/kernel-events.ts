import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { vxlanDevice } from '../cni/vtep.ts';

/**
 * Listens to the kernel's own news (rtnetlink, by `ip monitor`) until the signal, and tells of those that
 * concern the network. Forwarding entries are among the neighbours.
 * @throws Error when `ip monitor` ends by itself
 */
export async function kernelEvents(
  network: { readonly vni: number; readonly nodeIP: string | undefined },
  signal: AbortSignal,
  onEvent: () => void,
): Promise<void> {
  const argv = ['-details', 'monitor', 'label', 'link', 'address', 'route', 'neigh'];
  const child = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  const failure = new Promise<never>((_, reject) => child.once('error', reject));
  try {
    await Promise.race([failure, tellOfEvents(createInterface({ input: child.stdout }), network, onEvent)]);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
  if (!signal.aborted) throw new Error('ip monitor ended');
}

async function tellOfEvents(
  lines: AsyncIterable<string>,
  network: { readonly vni: number; readonly nodeIP: string | undefined },
  onEvent: () => void,
): Promise<void> {
  for await (const line of lines) if (concernsNetwork(line, network)) onEvent();
}

/**
 * Whether a line of `ip -details monitor label` is about the tunnel, under whatever name, or about this node's
 * address. A node's pods come and go far more often: those lines are not looked into.
 */
export function concernsNetwork(
  line: string,
  { vni, nodeIP }: { readonly vni: number; readonly nodeIP: string | undefined },
): boolean {
  if (line.includes(vxlanDevice(vni)) || line.includes(`vxlan id ${vni} `)) return true;
  // The underlay's other changes, such as its MTU, come with the period.
  return nodeIP !== undefined && line.startsWith('[ADDR]') && line.includes(` ${nodeIP}/`);
}
