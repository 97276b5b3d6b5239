import { afterEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { program } from '../../../src/cli/program.ts';
import { DEFAULT_KUBERNETES_VERSION, releaseFor } from '../../../src/components/catalog.ts';

// What the build puts in.
vi.stubGlobal('KADM_VERSION', '1.2.3');

afterEach(() => {
  vi.restoreAllMocks();
});

/** What `kadm version` prints with these flags. */
async function printed(...flags: string[]): Promise<string> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  await program().parseAsync(['node', 'kadm', 'version', ...flags]);
  return text;
}

describe('kadm version', () => {
  const { kubernetes, etcd, coredns, pause, containerd } = releaseFor(DEFAULT_KUBERNETES_VERSION);
  const object = {
    kadm: '1.2.3',
    node: process.version,
    platform: expect.stringMatching(/^linux\/\w+$/),
    components: { kubernetes, etcd, coredns, pause, containerd },
  };

  it('gives programs one object, as JSON or YAML', async () => {
    expect(JSON.parse(await printed('--output', 'json'))).toEqual(object);
    expect(parse(await printed('-o', 'yaml'))).toEqual(object);
  });

  it('is short where that is asked for', async () => {
    expect(await printed('--output', 'short')).toBe('v1.2.3\n');
  });

  it('gives people a line each', async () => {
    const lines = (await printed()).split('\n');
    expect(lines).toContain('kadm 1.2.3');
    expect(lines).toContain(`kubernetes ${kubernetes}`);
  });

  it('refuses another format', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(printed('--output', 'xml')).rejects.toMatchObject({ code: 'commander.invalidArgument' });
  });
});
