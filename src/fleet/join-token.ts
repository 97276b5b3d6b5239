import type { KubeClient } from '../kube/client.ts';
import { createToken, deleteToken } from '../kube/tokens.ts';
import { generateToken, parseToken, tokenExpiry } from '../pki/token.ts';

/** Longer than a join is allowed to take, and no longer. */
const TTL_SECONDS = 20 * 60;

/** Makes a join token, lets `use` have it, and revokes it. */
export async function withJoinToken(
  client: KubeClient,
  use: (token: string) => Promise<void>,
): Promise<void> {
  const text = generateToken();
  const token = parseToken(text);
  const options = { expires: tokenExpiry(TTL_SECONDS), description: 'made by kadm join --ssh' };
  await createToken(client, token, options);
  try {
    await use(text);
  } finally {
    await deleteToken(client, token.id);
  }
}
