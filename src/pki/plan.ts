import type { KeyObject } from 'node:crypto';
import { readPrivateKey } from './check.ts';
import { generateKeyPair } from './keys.ts';
import type { PkiSettings } from './table.ts';
import type { Names } from './x509.ts';

export const PKI_DIRECTORY = '/etc/kubernetes/pki';
export const KUBERNETES_DIRECTORY = '/etc/kubernetes';
/** What an external authority signs for the agent, which keeps both in one file: pki/kadm-agent.crt and .key. */
export const AGENT_PAIR = `${PKI_DIRECTORY}/kadm-agent`;
export const AGENT_IDENTITY = '/var/lib/kadm/agent/client.pem';

export interface PkiFile {
  readonly path: string;
  readonly content: string;
  readonly mode: 0o600 | 0o644;
}

/** What planning goes by. */
export interface Plan {
  readonly settings: PkiSettings;
  readonly existing: ReadonlyMap<string, string>;
  readonly now: Date;
}

export const NO_NAMES: Names = { dns: [], ips: [] };

/** The key that is there, or a new one. @throws UserError naming the file that holds none */
export async function keyFrom(plan: Plan, path: string, pem: string | undefined): Promise<KeyObject> {
  return pem === undefined ? await newKey(plan) : readPrivateKey(path, pem);
}

export async function newKey({ settings }: Plan): Promise<KeyObject> {
  return (await generateKeyPair(settings.keyAlgorithm)).privateKey;
}
