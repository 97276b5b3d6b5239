import { ApiError, type KubeClient } from './client.ts';

/** A Node that is gone already is no error. */
export async function deleteNode(client: KubeClient, node: string): Promise<void> {
  try {
    await client.delete(`/api/v1/nodes/${encodeURIComponent(node)}`);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}
