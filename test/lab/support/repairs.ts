import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { LabHost } from '../../../src/lab/lab-host.ts';

/** What an issue with the network may take to be mended by itself. */
export const BOUND_SECONDS = 5;
const PAUSE_MS = 50;

/** Everything of the pod network on a host that does not change by itself, as text. */
const STATE = `
for device in flannel.1 cni0; do
  ip -o -details link show $device | sed 's/^[0-9]*: //' | grep -oE '^[^:]*|<[^>]*>|mtu [0-9]+|link/ether [0-9a-f:]+|vxlan.*nolearning|alias.*' | sed 's/NO-CARRIER,//; s/,LOWER_UP//'
  ip -4 -o address show dev $device | awk '{print $2, $4}'
done
ip route show proto 75
ip route show dev cni0 | sed 's/ linkdown//'
ip neigh show dev flannel.1 nud permanent
bridge fdb show dev flannel.1
for link in $(ip -o link show master cni0 | awk -F'[ :@]+' '{print $2}'); do bridge -details link show dev $link | grep -o 'hairpin on'; done
nft list table ip kadm
cat /etc/cni/net.d/00-kadm.conflist
stat -c '%a %U' /etc/cni/net.d/00-kadm.conflist
`;

export async function networkState(host: LabHost): Promise<string> {
  const { stdout } = await host.exec(['sh', '-c', STATE], { allowFailure: true });
  return stdout.split('\n').sort().join('\n');
}

/** Seconds from the fault to the first look at which all was well. */
export class Repairs {
  readonly #seconds = new Map<string, number>();

  /**
   * @param fault made by this, and timed from its end
   * @param isWell whether what broke is whole again
   * @param bound in seconds
   */
  async expectAfter(
    name: string,
    fault: () => Promise<unknown>,
    isWell: () => Promise<boolean>,
    bound = BOUND_SECONDS,
  ): Promise<void> {
    await fault();
    const begun = performance.now();
    let seconds = 0;
    while (!(await isWell())) {
      seconds = (performance.now() - begun) / 1000;
      if (seconds > bound * 3) break;
      await sleep(PAUSE_MS);
    }
    seconds = (performance.now() - begun) / 1000;
    this.#seconds.set(name, seconds);
    expect(seconds, `seconds until ${name} was mended`).toBeLessThan(bound);
  }

  /** For the log of the test run. */
  print(): void {
    const rows = [...this.#seconds].map(
      ([name, seconds]) => `  ${seconds.toFixed(1).padStart(5)} s  ${name}`,
    );
    process.stdout.write(`Repaired by itself, with the look at it included:\n${rows.join('\n')}\n`);
  }
}
