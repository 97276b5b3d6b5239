import { AGENT_SETTINGS } from '../agent/paths.ts';
import { LOCK_FILE } from '../host/host-lock.ts';
import { type CompletedVerb, completedInText, LEDGER_FILE, STATE_DIRECTORY } from '../phases/ledger.ts';

/** What a host is, as far as one round trip tells. */
export interface HostState {
  readonly hostname: string;
  readonly machineId: string | undefined;
  /** What its firmware, or its hypervisor, calls it; undefined where it has no such name. */
  readonly productUuid: string | undefined;
  /** By how much its clock is ahead of ours, in milliseconds; as exact as the round trip was short. */
  readonly clockOffsetMs: number | undefined;
  /** The verb that has ended well there. */
  readonly completed: CompletedVerb | undefined;
  /** Whether kadm has changed anything there. */
  readonly begun: boolean;
  /** The kadm that changes it just now, as it calls itself. */
  readonly busy: string | undefined;
  /** Which node it is, and of the cluster with which API server (URL). */
  readonly node: { readonly name: string; readonly server: string } | undefined;
}

/** Of the system management BIOS (SMBIOS); for root only. */
export const PRODUCT_UUID_FILE = '/sys/class/dmi/id/product_uuid';
const LEDGER = `${STATE_DIRECTORY}/${LEDGER_FILE}`;

/** Ends when no kadm changes the host, or after so many seconds as its argument says. */
export const UNTIL_IDLE_SCRIPT = `
i=0
while [ -e ${LOCK_FILE} ] && [ "$i" -lt "$1" ]; do sleep 1; i=$((i + 1)); done`;

/** Prints what hostStateIn reads, and the SHA-256 of the file that is its argument. */
export const HOST_STATE_SCRIPT = [
  'export LC_ALL=C',
  'echo "kadm-time $(date +%s.%N)"',
  'echo "kadm-hostname $(uname -n)"',
  'echo "kadm-machine-id $(cat /etc/machine-id 2>/dev/null)"',
  `echo "kadm-product-uuid $(cat ${PRODUCT_UUID_FILE} 2>/dev/null)"`,
  `test -s ${LEDGER} && echo "kadm-begun yes"`,
  `echo "kadm-busy $(head -c 200 ${LOCK_FILE} 2>/dev/null)"`,
  'sha256sum "$1" 2>/dev/null',
  `grep '"complete"' ${LEDGER} 2>/dev/null`,
  `grep -E '^(nodeName|server): ' ${AGENT_SETTINGS} 2>/dev/null`,
  'true',
].join('; ');

/**
 * @param said by the script; the login shell may have said more
 * @param now what our clock showed halfway, in milliseconds
 */
export function hostStateIn(said: string, now: number): HostState & { readonly sha256: string | undefined } {
  const value = (name: string): string | undefined => new RegExp(`^${name} (.+)$`, 'm').exec(said)?.[1];
  const setting = (name: string): string | undefined => value(`${name}:`)?.replace(/^"(.*)"$/, '$1');
  const time = Number(value('kadm-time'));
  const [nodeName, server] = [setting('nodeName'), setting('server')];
  return {
    hostname: value('kadm-hostname') ?? '',
    machineId: value('kadm-machine-id'),
    productUuid: value('kadm-product-uuid'),
    clockOffsetMs: Number.isFinite(time) && time > 0 ? Math.round(time * 1000 - now) : undefined,
    completed: completedInText(said),
    begun: value('kadm-begun') !== undefined,
    busy: value('kadm-busy'),
    node: nodeName === undefined || server === undefined ? undefined : { name: nodeName, server },
    sha256: digestIn(said),
  };
}

/** The digest in what sha256sum says; a banner of the login shell may come before it. */
export function digestIn(said: string): string | undefined {
  return /^[0-9a-f]{64}(?= )/m.exec(said)?.[0];
}
