import { nearest } from '../config/nearest.ts';

/** Checks of kadm, on whatever host. */
const OWN = [
  'AddressConflict',
  'AdvertiseAddress',
  'Clock',
  'Components',
  'CRI',
  'ExistingPKI',
  'ExtraVolumes',
  'Firewalld',
  'Hostname',
  'Mem',
  'NodeAddresses',
  'NumCPU',
  'OtherNetwork',
  'Patches',
  'Swap',
  'SystemVerification',
];

/** Checks of kubeadm v1.36 that kadm has not: its files may name them (cmd/kubeadm/app/preflight/checks.go). */
const KUBEADM = [
  'ContainerRuntimeVersion',
  'ExternalEtcdVersion',
  'HTTPProxy',
  'HTTPProxyCIDR',
  'ImagePull',
  'IsPrivilegedUser',
  'KubeletVersion',
  'KubernetesVersion',
];

const KNOWN = ['all', ...OWN, ...KUBEADM];

/** What these are about follows: a port, a file, a module, a unit. */
const FAMILY = /^(port|fileavailable|fileexisting|filecontent|diravailable|kernelmodule|service)-/i;

/** A line for each name that is no preflight check's, of kadm or kubeadm: it ignores nothing. */
export function unknownChecks(ignored: readonly string[]): string[] {
  return ignored
    .filter((name) => !FAMILY.test(name) && !KNOWN.some((one) => one.toLowerCase() === name.toLowerCase()))
    .map((name) => {
      const close = nearest(name, KNOWN);
      const meant = close === undefined ? '' : `; was ${close} meant?`;
      return `--ignore-preflight-errors: there is no check ${JSON.stringify(name)}${meant}`;
    });
}
