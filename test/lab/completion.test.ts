import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../src/host/command.ts';
import { unpackPackages } from './support/debian-packages.ts';
import { builtExecutable } from './support/executable.ts';

/*
 * Real shells: bash is the machine's, zsh and fish are unpacked from their Debian packages into a folder that
 * goes afterwards. In each somebody types, presses the tab key, and runs what has come of it.
 */
const PACKAGES = ['zsh', 'zsh-common', 'fish', 'fish-common', 'libpcre2-32-0'];

let kadm: string;
let scratch: string;
let environment: Record<string, string>;

beforeAll(async () => {
  kadm = await builtExecutable();
  scratch = await mkdtemp(join(tmpdir(), 'kadm-completion-'));
  await unpackPackages(PACKAGES, scratch);
  const libraries = await runCommand(['find', scratch, '-name', 'libpcre2-32.so.0']);
  environment = {
    PATH: `${dirname(kadm)}:${process.env.PATH ?? ''}`,
    HOME: scratch,
    TERM: 'dumb',
    LD_LIBRARY_PATH: dirname(libraries.stdout.trim()),
  };
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await runCommand([kadm, 'completion', shell]);
    await writeFile(join(scratch, `kadm.${shell}`), stdout);
  }
  await writeFile(join(scratch, 'cluster.yaml'), '');
});

afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

/** Types into a shell on a terminal of its own; @returns all that was to be seen there. */
async function typeInto(shell: string, lines: readonly string[]): Promise<string> {
  const argv = ['script', '--quiet', '--command', shell, '/dev/null'];
  const input = [...lines, 'exit', ''].join('\n');
  return (
    await runCommand(argv, { input, cwd: scratch, env: environment, timeoutMs: 60_000, allowFailure: true })
  ).stdout;
}

/** Instead of running the line that was typed, it is shown. */
const SHOW = 'kadm() { if [ "$1" = __complete ]; then command kadm "$@"; else echo "typed: $*"; fi; }';

const TYPED = [
  ['kadm tok\tdel\tabcdef', 'typed: token delete abcdef'],
  ['kadm init --pod\t10.1.0.0/16', 'typed: init --pod-network-cidr 10.1.0.0/16'],
  ['kadm init --output=j\t', 'typed: init --output=json'],
  ['kadm join --skip-phases tls\t', 'typed: join --skip-phases tls-bootstrap'],
  ['kadm init --skip-phases certs/front-proxy-cl\t', 'typed: init --skip-phases certs/front-proxy-client'],
  ['kadm init phase certs etcd-p\t', 'typed: init phase certs etcd-peer'],
  ['kadm up -f clu\t', 'typed: up -f cluster.yaml'],
  ['kadm init --config=clu\t', 'typed: init --config=cluster.yaml'],
] as const;

test('bash completes what is typed', async () => {
  await runCommand(['bash', '-n', join(scratch, 'kadm.bash')]);
  const typed = TYPED.map(([keys]) => keys);
  const seen = await typeInto('bash --norc -i', [`. ${scratch}/kadm.bash`, SHOW, ...typed]);
  for (const [, line] of TYPED) expect(seen).toContain(line);
});

test('zsh completes what is typed', async () => {
  const zsh = join(scratch, 'bin/zsh');
  const setUp = [
    `module_path=(${join(scratch, 'usr/lib')}/*/zsh/*(/))`,
    `fpath=(${join(scratch, 'usr/share/zsh')}/functions/*(/) ${join(scratch, 'usr/share/zsh')}/functions/Completion/*(/))`,
    'autoload -Uz compinit && compinit -u -D',
    `. ${scratch}/kadm.zsh`,
  ];
  await runCommand([zsh, '-n', join(scratch, 'kadm.zsh')]);
  const typed = TYPED.map(([keys]) => keys);
  const seen = await typeInto(`${zsh} -f -i`, [...setUp, SHOW, ...typed]);
  for (const [, line] of TYPED) expect(seen).toContain(line);
});

test('fish offers what may come next, with what it is for', async () => {
  const fish = join(scratch, 'usr/bin/fish');
  const offered = async (line: string): Promise<string> => {
    const own = `set fish_function_path ${scratch}/usr/share/fish/functions`;
    const script = `${own}; source ${scratch}/kadm.fish; complete -C '${line}'`;
    return (await runCommand([fish, '-c', script], { cwd: scratch, env: environment })).stdout;
  };
  await runCommand([fish, '--no-execute', join(scratch, 'kadm.fish')], { env: environment });
  expect(await offered('kadm tok')).toMatch(/^token\tmake, list and revoke join tokens/);
  expect(await offered('kadm init --output ')).toMatch(/^json\t.*\ntext\t/);
  expect(await offered('kadm init --output=j')).toMatch(/^--output=json\t/);
  expect(await offered('kadm up -f clu')).toMatch(/^cluster\.yaml/);
  expect(await offered('kadm init --config=clu')).toMatch(/^--config=cluster\.yaml/);
});
