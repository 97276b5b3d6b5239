import {
  CNI_DIRECTORY,
  competingConfigurations,
  moveAside,
  removeConflist,
  writeConflist,
} from '../cni/conflist.ts';
import { BRIDGE } from '../cni/desired.ts';
import type { NodeFacts } from '../cni/node-facts.ts';
import { vxlanDevice } from '../cni/vtep.ts';
import { exists, type Host } from '../host/host.ts';
import type { Announced } from './announcement.ts';
import type { Announcer } from './announcer.ts';
import type { Log } from './log.ts';

const SERVICE = 'network';

/**
 * Lets pods start on this node, or not: by the CNI configuration, without which the runtime starts none, and by what the
 * Node tells of its network.
 */
export class PodGate {
  readonly #host: Host;
  readonly #announcer: Announcer;
  readonly #log: Log;

  constructor(host: Host, announcer: Announcer, log: Log) {
    this.#host = host;
    this.#announcer = announcer;
    this.#log = log;
  }

  /** The configuration outlives a reboot, the tunnel does not: until it is back no pod is to start. */
  async closeAfterBoot(vni: number): Promise<void> {
    for (const device of [BRIDGE, vxlanDevice(vni, 4), vxlanDevice(vni, 6)]) {
      if (await exists(`/sys/class/net/${device}`)) return;
    }
    await removeConflist(this.#host);
  }

  /** @param mtu of new pods, in bytes */
  async open(
    own: NodeFacts,
    announced: Announced,
    pods: { readonly podCidrs: readonly string[]; readonly mtu: number },
  ): Promise<void> {
    if (await writeConflist(this.#host, pods)) {
      this.#log('info', 'pods may start', { service: SERVICE, ...pods });
    }
    this.#announcer.tell(own, announced, { ready: true });
  }

  /** @param own undefined where this node has no Node: nothing is told then */
  async close(own: NodeFacts | undefined, announced: Announced | undefined, why: string): Promise<void> {
    await removeConflist(this.#host);
    if (own !== undefined) this.#announcer.tell(own, announced, { ready: false, why });
  }

  /** Configurations that the runtime takes in place of ours, after those that may be were moved aside. */
  async competing(exclusive: boolean): Promise<string[]> {
    const names = await competingConfigurations(this.#host);
    if (!exclusive) return names;
    for (const name of names) {
      await moveAside(this.#host, name);
      this.#log('warn', `moved ${CNI_DIRECTORY}/${name} aside`, { service: SERVICE });
    }
    return [];
  }
}
