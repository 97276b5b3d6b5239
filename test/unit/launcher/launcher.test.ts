import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** A clone as the launcher sees it, with an npm that writes down how it was called. */
let clone: string;

const HOUR = 3600;
const now = Math.floor(Date.now() / 1000);

beforeEach(() => {
  clone = mkdtempSync(`${tmpdir()}/kadm-launcher-`);
  for (const folder of ['src', 'templates', 'bin', 'node_modules', 'dist']) mkdirSync(`${clone}/${folder}`);
  copyFileSync(new URL('../../../kadm', import.meta.url), `${clone}/kadm`);
  const executable = '#!/bin/sh\\necho "ran: $*"; exit 5\\n';
  program(
    'bin/npm',
    `echo "npm $*" >> "${clone}/calls"
[ "$1" != ci ] || touch node_modules/.package-lock.json
[ "$1" != run ] || { printf '${executable}' > dist/kadm && chmod +x dist/kadm; }`,
  );
  program('dist/kadm', 'echo "ran: $*"; exit 5');
  for (const path of ['package.json', 'package-lock.json', 'src/a.ts', 'templates/b.yaml']) dated(path, 2);
  dated('node_modules/.package-lock.json', 1);
  for (const path of ['src', 'templates', 'dist/kadm'])
    utimesSync(`${clone}/${path}`, now - HOUR, now - HOUR);
});

afterEach(() => rmSync(clone, { recursive: true }));

test('runs the executable at once when all is fresh, with its arguments and its exit code', () => {
  expect(launch('lab', 'up', 'a b')).toEqual({ stdout: 'ran: lab up a b\n', stderr: '', status: 5 });
  expect(calls()).toEqual([]);
});

test.each(['src/a.ts', 'templates/b.yaml', 'package.json'])(
  'builds when %s is newer, and says so',
  (path) => {
    dated(path, 0);
    const { stderr, stdout } = launch('x');
    expect(calls()).toEqual(['npm run build']);
    expect(stderr).toBe('kadm: building dist/kadm (npm run build)\n');
    expect(stdout).toBe('ran: x\n');
  },
);

test('brings in the packages when the lock file is newer than what is installed', () => {
  dated('package-lock.json', 0);
  expect(launch('x').stderr).toContain('kadm: bringing in the packages (npm ci)');
  expect(calls()).toEqual(['npm ci']);
});

test('makes everything of a fresh clone, once', () => {
  rmSync(`${clone}/node_modules`, { recursive: true });
  mkdirSync(`${clone}/node_modules`);
  rmSync(`${clone}/dist/kadm`);
  launch('x');
  expect(calls()).toEqual(['npm ci', 'npm run build']);
  launch('x');
  expect(calls()).toHaveLength(2);
});

test('says in one line that npm is missing', () => {
  rmSync(`${clone}/dist/kadm`);
  rmSync(`${clone}/bin/npm`);
  const { stderr, status } = launch('x');
  expect(stderr).toMatch(/^kadm: npm is needed[^\n]*apt-get install npm[^\n]*\n$/);
  expect(status).toBe(1);
});

test('shows the end of what a build that fails has said', () => {
  rmSync(`${clone}/dist/kadm`);
  program('bin/npm', 'echo "syntax error in a.ts"; exit 1');
  const { stderr, status } = launch('x');
  expect(stderr).toContain('syntax error in a.ts');
  expect(status).toBe(1);
});

function launch(...args: string[]): { stdout: string; stderr: string; status: number | null } {
  // Only what the launcher itself may use, so that a real npm of this machine is not found.
  for (const name of [
    'sh',
    'dirname',
    'readlink',
    'find',
    'flock',
    'mktemp',
    'rm',
    'touch',
    'chmod',
    'tail',
    'cat',
  ]) {
    program(`bin/${name}`, `PATH=/usr/bin:/bin exec ${name} "$@"`);
  }
  const { stdout, stderr, status } = spawnSync(`${clone}/kadm`, args, {
    env: { PATH: `${clone}/bin` },
    encoding: 'utf8',
  });
  return { stdout, stderr, status };
}

function calls(): string[] {
  try {
    return readFileSync(`${clone}/calls`, 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}

function program(path: string, body: string): void {
  writeFileSync(`${clone}/${path}`, `#!/bin/sh\n${body}\n`);
  chmodSync(`${clone}/${path}`, 0o755);
}

function dated(path: string, hoursAgo: number): void {
  writeFileSync(`${clone}/${path}`, '{}');
  utimesSync(`${clone}/${path}`, now - hoursAgo * HOUR, now - hoursAgo * HOUR);
}
