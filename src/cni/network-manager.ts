import { FAMILIES } from '../config/family.ts';
import type { Host } from '../host/host.ts';
import { unitState } from '../host/systemd.ts';
import { BRIDGE } from './desired.ts';
import { vxlanDevice } from './vtep.ts';

const DIRECTORY = '/etc/NetworkManager';
const UNIT = 'NetworkManager.service';

/** Read after those whose names begin with a number: one of them that sets the list anew would drop what was added. */
export const NETWORK_MANAGER_SETTINGS = `${DIRECTORY}/conf.d/kadm.conf`;

/** What the CNI plugin bridge calls the host's end of a pod's link: veth and eight hexadecimal digits. */
const POD_LINKS = 'veth????????';

export async function hasNetworkManager(host: Host): Promise<boolean> {
  return (await host.stat(DIRECTORY)) !== undefined;
}

/**
 * The settings with which NetworkManager leaves the devices of the pod network alone. Else it takes their addresses and
 * unplugs pods when networking is switched off, and may ask for addresses on the links of pods by DHCP. By the list of
 * [keyfile], which it also heeds for devices that are there already, as it does not a `managed` of a device section.
 */
export function networkManagerSettings(vni: number): string {
  const devices = [BRIDGE, ...FAMILIES.map((family) => vxlanDevice(vni, family)), POD_LINKS];
  const list = devices.map((device) => `interface-name:${device}`).join(';');
  return `# The devices of the pod network are the kadm agent's.\n[keyfile]\nunmanaged-devices+=${list}\n`;
}

/** Makes a NetworkManager that runs read its settings. One that cannot do so now does when it is started next. */
export async function reloadNetworkManager(host: Host): Promise<void> {
  const { active } = await unitState(host, UNIT);
  if (active) await host.run(['systemctl', 'reload', UNIT], { allowFailure: true });
}

/** Takes the settings back, where they are. */
export async function removeNetworkManagerSettings(host: Host): Promise<void> {
  if ((await host.stat(NETWORK_MANAGER_SETTINGS)) === undefined) return;
  await host.removeFile(NETWORK_MANAGER_SETTINGS);
  await reloadNetworkManager(host);
}
