import type { Host } from '../host/host.ts';

/** Early in the order of names, so that no other network's usual file comes before it. */
const CONFLIST_NAME = '00-kadm.conflist';
export const CNI_DIRECTORY = '/etc/cni/net.d';
export const CONFLIST_PATH = `${CNI_DIRECTORY}/${CONFLIST_NAME}`;
/** What the runtime reads there (libcni, "ConfFiles"); it takes the first by name that is valid. */
const READ_BY_RUNTIME = /\.(conf|conflist|json)$/;
/** Put behind the name of a file that is moved aside: the runtime does not read it then. */
const MOVED_ASIDE = '.kadm-moved';

/** Addresses that were given out. On a tmpfs: pods do not outlive a reboot, and neither may their addresses. */
export const IPAM_DIRECTORY = '/run/kadm/ipam';

/** The name of the network, by which the runtime files what it made for each pod. */
export const CNI_NETWORK = 'kadm';

export interface PodNetwork {
  readonly podCidrs: readonly string[];
  /** Bytes; that of the tunnel, so that no packet of a pod is too long for it. */
  readonly mtu: number;
}

/** The CNI configuration (specification 1.0.0): a bridge per node, addresses from the node's CIDR, host ports. */
export function conflist({ podCidrs, mtu }: PodNetwork): string {
  const document = {
    cniVersion: '1.0.0',
    name: CNI_NETWORK,
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
  await makeCniDirectory(host);
  await host.writeFile(CONFLIST_PATH, wanted, { mode: 0o600 });
  return true;
}

export async function makeCniDirectory(host: Host): Promise<void> {
  for (const directory of ['/etc/cni', CNI_DIRECTORY]) {
    if ((await host.stat(directory)) === undefined) await host.makeDirectory(directory, { mode: 0o755 });
  }
}

/** Configurations of other networks that come before ours: new pods get theirs. */
export async function competingConfigurations(host: Host): Promise<string[]> {
  const names = await host.list(CNI_DIRECTORY);
  return names.filter((name) => name < CONFLIST_NAME && READ_BY_RUNTIME.test(name));
}

/** Takes a configuration out of the runtime's sight; its content stays beside it. */
export async function moveAside(host: Host, name: string): Promise<void> {
  const path = `${CNI_DIRECTORY}/${name}`;
  await host.run(['mv', '--', path, `${path}${MOVED_ASIDE}`]);
}

/** No new pod gets a network until the file is back; those that run keep theirs. */
export async function removeConflist(host: Host): Promise<void> {
  await host.removeFile(CONFLIST_PATH);
}
