import type { Host } from '../host/host.ts';

/** First in the order of names, so that no other network's file comes before it. */
export const CONFLIST_PATH = '/etc/cni/net.d/00-kadm.conflist';

/** Addresses that were given out. On a tmpfs: pods do not outlive a reboot, and neither may their addresses. */
const IPAM_DIRECTORY = '/run/kadm/ipam';

export interface PodNetwork {
  readonly podCidrs: readonly string[];
  /** Bytes; that of the tunnel, so that no packet of a pod is too long for it. */
  readonly mtu: number;
}

/** The CNI configuration (specification 1.0.0): a bridge per node, addresses from the node's CIDR, host ports. */
export function conflist({ podCidrs, mtu }: PodNetwork): string {
  const document = {
    cniVersion: '1.0.0',
    name: 'kadm',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        mtu,
        isGateway: true,
        isDefaultGateway: true,
        forceAddress: true,
        hairpinMode: true,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          ranges: podCidrs.map((subnet) => [{ subnet }]),
          dataDir: IPAM_DIRECTORY,
        },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** Tells the container runtime that pods can have a network now. True when it had to be written. */
export async function writeConflist(host: Host, network: PodNetwork): Promise<boolean> {
  const wanted = Buffer.from(conflist(network));
  const present = await host.readFile(CONFLIST_PATH);
  const mode = (await host.stat(CONFLIST_PATH))?.mode;
  if (present?.equals(wanted) && mode !== undefined && (mode & 0o7777) === 0o600) return false;
  for (const directory of ['/etc/cni', '/etc/cni/net.d']) {
    if ((await host.stat(directory)) === undefined) await host.makeDirectory(directory, { mode: 0o755 });
  }
  await host.writeFile(CONFLIST_PATH, wanted, { mode: 0o600 });
  return true;
}

/** No new pod gets a network until the file is back; those that run keep theirs. */
export async function removeConflist(host: Host): Promise<void> {
  await host.removeFile(CONFLIST_PATH);
}
