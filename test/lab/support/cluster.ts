import { buildComponents } from '../../../src/components/build/build.ts';
import { cacheDirectory } from '../../../src/components/cache.ts';
import { DEFAULT_KUBERNETES_VERSION, imageName, releaseFor } from '../../../src/components/catalog.ts';
import { type Artifact, ComponentStore } from '../../../src/components/store.ts';
import { runCommand } from '../../../src/host/command.ts';
import { type Lab, openLab } from '../../../src/lab/lab.ts';
import type { LabHost } from '../../../src/lab/lab-host.ts';
import { HOST_STORE } from '../../../src/lab/paths.ts';
import { readRecord } from '../../../src/lab/record.ts';
import { builtExecutable } from './executable.ts';

/*
 * One cluster for all lab tests that only look at it or run workloads on it: a master h1, workers h2 and h3.
 * The first test file that asks for it brings it up (about a minute), the end of the test run removes it.
 *
 * The inner loop: with KADM_KEEP_LAB=1 the end leaves it as it is, and the next run finds it in a second:
 *
 *   KADM_KEEP_LAB=1 npm run lab -- test/lab/workload.test.ts
 *
 * A lab that stays up has been set up by the kadm of its first run. To see a change of init, join or the
 * agent, remove it before: ./kadm lab down --name test
 */
export const SHARED_LAB = 'test';

/** The workload of the tests, and the same with another content, to roll it to. */
export const WORKLOAD_IMAGES = ['image-agnhost', 'image-agnhost-next'] as const;

const UP_TIMEOUT_MS = 20 * 60_000;

/** Brings the shared cluster up, or finds it up; a test file may change workloads on it, nothing else. */
export async function sharedCluster(): Promise<Lab> {
  const kadm = await builtExecutable();
  await runCommand([kadm, 'lab', 'up', '--name', SHARED_LAB], { timeoutMs: UP_TIMEOUT_MS });
  const lab = await openLab(SHARED_LAB);
  if (lab === undefined) throw new Error(`\`kadm lab up\` made no lab ${SHARED_LAB}`);
  await importWorkload(lab);
  return lab;
}

/** The full name of a workload image. */
export function workloadImage(name: (typeof WORKLOAD_IMAGES)[number]): string {
  return imageName(name, releaseFor(DEFAULT_KUBERNETES_VERSION));
}

async function importWorkload(lab: Lab): Promise<void> {
  const artifacts = await workloadArtifacts(lab.name);
  await Promise.all(lab.hosts.map((host) => importImages(host, artifacts)));
}

async function workloadArtifacts(labName: string): Promise<Artifact[]> {
  const rootfs = (await readRecord(labName))?.rootfs;
  if (rootfs === undefined) throw new Error(`lab ${labName} has no record`);
  const release = releaseFor(DEFAULT_KUBERNETES_VERSION);
  const store = new ComponentStore(`${cacheDirectory()}/store`);
  await buildComponents({
    release,
    names: WORKLOAD_IMAGES,
    store,
    cacheDirectory: cacheDirectory(),
    rootfs,
    onProgress: () => {},
    signal: AbortSignal.timeout(UP_TIMEOUT_MS),
  });
  const wanted: readonly string[] = WORKLOAD_IMAGES;
  return (await store.index(release.kubernetes)).filter(({ name }) => wanted.includes(name));
}

async function importImages(host: LabHost, artifacts: readonly Artifact[]): Promise<void> {
  const ctr = ['ctr', '--namespace', 'k8s.io', 'images'];
  const present = (await host.exec([...ctr, 'list', '--quiet'])).stdout.split('\n');
  for (const { image, sha256 } of artifacts) {
    if (image !== undefined && present.includes(image.name)) continue;
    await host.exec([...ctr, 'import', `${HOST_STORE}/blobs/sha256/${sha256}`]);
  }
}
