import readerTemplate from '../../templates/objects/kubeadm-certs-reader.yaml';
import { EXIT, UserError } from '../errors.ts';
import { decryptWith, encryptWith } from '../pki/certificate-key.ts';
import { bootstrapTokenSecret, generateToken, parseToken, tokenExpiry } from '../pki/token.ts';
import { ApiError, type KubeClient } from './client.ts';
import { renderManifest } from './manifest.ts';
import type { KubeObject } from './objects.ts';

/** Where a cluster keeps what its control planes share, encrypted, for as long as others may join: kubeadm's Secret. */
const SECRETS = '/api/v1/namespaces/kube-system/secrets';
const NAME = 'kubeadm-certs';
/** With the end of its owner it goes too (kubeadm, DefaultCertTokenDuration). */
const TTL_SECONDS = 2 * 3600;
const OWNER = 'ends the Secret kubeadm-certs after two hours';

interface Secret {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly ownerReferences?: readonly { readonly name: string }[];
  };
  readonly data?: Readonly<Record<string, string | null>>;
}

/**
 * Keeps files in the cluster, each encrypted with the key, in place of those of an earlier upload.
 * @param files content by name; '' for one that there is none of
 */
export async function uploadCertificates(
  client: KubeClient,
  files: ReadonlyMap<string, string>,
  key: string,
): Promise<void> {
  const data = Object.fromEntries(
    [...files].map(([name, text]) => [name, text === '' ? '' : encryptWith(key, text).toString('base64')]),
  );
  // A token that is good for nothing but to expire: the cluster removes it, and then what it owns.
  const token = bootstrapTokenSecret(parseToken(generateToken()), {
    expires: tokenExpiry(TTL_SECONDS),
    description: OWNER,
    usages: [],
  });
  await Promise.all(certificateReader().map((object) => client.apply(object as KubeObject)));
  const { metadata } = await client.create<Secret>(SECRETS, token);
  // Made anew: of an earlier one, which something else may have made, nothing is to stay.
  await withdrawCertificates(client);
  const owner = { apiVersion: 'v1', kind: 'Secret', name: metadata.name, uid: metadata.uid };
  await client.create(SECRETS, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: NAME,
      namespace: 'kube-system',
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    type: 'Opaque',
    data,
  });
}

/** Takes them out of the cluster before their time. */
export async function withdrawCertificates(client: KubeClient): Promise<void> {
  const present = await client.find<Secret>(`${SECRETS}/${NAME}`);
  if (present === undefined) return;
  await remove(client, NAME);
  const owners = present.metadata.ownerReferences ?? [];
  await Promise.all(owners.map(({ name }) => remove(client, name)));
}

/** Lets whoever has a join token read them. */
export function certificateReader(): object[] {
  return renderManifest(readerTemplate, {});
}

/**
 * What an upload holds, by name.
 * @throws UserError (preflight) where there is none, or the key is not the one of that upload
 */
export async function downloadCertificates(client: KubeClient, key: string): Promise<Map<string, string>> {
  const found = await client.find<Secret>(`${SECRETS}/${NAME}`).catch(forbidden);
  if (found === undefined) {
    throw new UserError(
      'the cluster keeps no certificates for new control planes: they are gone two hours after the upload',
      {
        remedy: 'on a control plane, `kadm init phase upload-certs` uploads them anew, and prints the key',
        exitCode: EXIT.preflight,
      },
    );
  }
  const entries = Object.entries(found.data ?? {}).map(([name, value]) => {
    const bytes = Buffer.from(value ?? '', 'base64');
    return [name, bytes.length === 0 ? '' : decryptWith(key, bytes)] as const;
  });
  return new Map(entries);
}

/** Before the first upload nobody has been given the right to look. */
function forbidden(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 403) return undefined;
  throw error;
}

async function remove(client: KubeClient, name: string): Promise<void> {
  try {
    await client.delete(`${SECRETS}/${name}`);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}
