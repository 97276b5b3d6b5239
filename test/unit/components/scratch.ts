import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Artifact } from '../../../src/components/store.ts';

/** A function that makes folders which go when the test ends. */
export function scratchFolders(): () => Promise<string> {
  const made: string[] = [];
  afterEach(async () => {
    for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true });
  });
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kadm-unit-'));
    made.push(folder);
    return folder;
  };
}

export function digest(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The artefact that this content would be. */
export function artifactOf(content: string | Uint8Array, name: Artifact['name'] = 'kubelet'): Artifact {
  return {
    name,
    version: 'v1.36.3',
    kind: 'binary',
    sha256: digest(content),
    size: Buffer.byteLength(content),
  };
}
