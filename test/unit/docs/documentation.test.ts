import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { adoptPhases } from '../../../src/adopt/index.ts';
import { renewPhases } from '../../../src/certs/index.ts';
import { program } from '../../../src/cli/program.ts';
import { documentSchemas } from '../../../src/config/schema.ts';
import { EXIT } from '../../../src/errors.ts';
import { initPhases } from '../../../src/init/index.ts';
import { controlPlanePhases } from '../../../src/join/control-plane/index.ts';
import { joinPhases } from '../../../src/join/index.ts';
import { clusterPhases } from '../../../src/lab/cluster/index.ts';
import { upPhases } from '../../../src/lab/up/index.ts';
import { resetPhases } from '../../../src/reset/index.ts';

// What the build puts in.
vi.stubGlobal('KADM_VERSION', '0.0.0');

const root = new URL('../../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const commands = read('docs/commands.md');

/** The text below a heading of docs/commands.md, up to the next one. */
function section(heading: string): string {
  const [, after = ''] = commands.split(`\n## ${heading}\n`);
  return after.split('\n## ')[0] ?? '';
}

/** Rows `id: needs` of the table whose head names phases. */
function documentedPhases(heading: string): string[] {
  return phaseRows(section(heading));
}

function phaseRows(text: string): string[] {
  const lines = text.split('\n');
  const head = lines.findIndex((line) => /^\| phase\b/.test(line));
  const rows = lines.slice(head + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end).map((row) => {
    const cells = row.split('|').map((cell) => cell.trim());
    return `${cells[1]?.replaceAll('`', '')}: ${cells[3]}`;
  });
}

function phasesOf(table: readonly { id: string; needs: readonly string[] }[]): string[] {
  return table.map(({ id, needs }) => `${id}: ${needs.join(', ')}`);
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

/** The first word of a command, below `kadm`. */
function verbOf(command: Command): string | undefined {
  if (command.parent === null) return undefined;
  return command.parent.name() === 'kadm' ? command.name() : verbOf(command.parent);
}

describe('docs/commands.md', () => {
  it.each([
    ['kadm init', initPhases],
    ['kadm join', joinPhases],
    ['kadm reset', resetPhases],
    ['kadm certs', renewPhases],
    ['kadm node', adoptPhases],
    ['kadm lab', [...upPhases, ...clusterPhases]],
  ] as const)('lists the phases of %s in their order, with what they need', (heading, table) => {
    expect(documentedPhases(heading)).toEqual(phasesOf(table));
  });

  it('lists the phases of a control plane that joins, where they are not those of a worker', () => {
    const [, below = ''] = section('kadm join').split('### Several control planes');
    expect(phaseRows(below)).toEqual(phasesOf(controlPlanePhases));
  });

  it('lists the parts of the phases of kadm init, of which a control plane that joins has the same', () => {
    const [, table = ''] = section('kadm init').split('| parts of ');
    const rows = [...table.matchAll(/^\| `([a-z-]+)` +\| (.*) \|$/gm)].map(([, id, cell = '']) => [
      id,
      [...cell.replaceAll(/\([^)]*\)/g, '').matchAll(/`([a-z-]+)`/g)].map(([, part]) => part),
    ]);
    const parted = initPhases.filter(({ parts = [] }) => parts.length > 0);
    expect(rows.slice(0, parted.length)).toEqual(parted.map(({ id, parts }) => [id, parts]));
    for (const { id, parts = [] } of controlPlanePhases.filter((phase) => (phase.parts ?? []).length > 0))
      expect(parts).toEqual(initPhases.find((phase) => phase.id === id)?.parts);
  });

  it('names each flag in the section of its command', () => {
    const missing = everyCommand(program()).flatMap((command) => {
      const verb = verbOf(command);
      const text = verb === undefined ? commands : section(`kadm ${verb}`);
      return command.options
        .flatMap(({ long }) => long ?? [])
        .filter((flag) => !text.includes(flag))
        .map((flag) => `${command.name()} ${flag}`);
    });
    expect(missing).toEqual([]);
  });
});

describe('exit codes', () => {
  it('are those of the table, and of `kadm --help`', () => {
    const documented = [...section('Exit codes').matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code));
    expect(documented).toEqual(Object.values(EXIT));
    let help = '';
    const write = (text: string): void => {
      help += text;
    };
    program().configureOutput({ writeOut: write }).outputHelp();
    const [, text = ''] = help.split('Exit codes: ');
    expect([...text.matchAll(/\b(\d+) [a-z]/g)].map(([, code]) => Number(code))).toEqual(Object.values(EXIT));
  });
});

describe('docs/configuration.md', () => {
  it('names each kind of document', () => {
    const text = read('docs/configuration.md');
    expect(Object.keys(documentSchemas).filter((kind) => !text.includes(`\`${kind}\``))).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  const text = read('docs/architecture.md');

  it('gives a reason for each library', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    expect(Object.keys(dependencies).filter((name) => !text.includes(`\n| ${name}`))).toEqual([]);
  });

  it('names each room of the source', () => {
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(rooms.map(({ name }) => `src/${name}`).filter((room) => !text.includes(room))).toEqual([]);
  });
});

describe('links between documents', () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'vagrant/README.md',
    ...markdownBelow('docs'),
  ];

  it.each(documents)('of %s lead somewhere', (document) => {
    const links = [...read(document).matchAll(/\]\(([^)#]+)[^)]*\)/g)].flatMap(([, link]) => link ?? []);
    const local = links.filter((link) => !link.includes('://'));
    const broken = local.filter((link) => !isThere(join(dirname(document), link)));
    expect(broken).toEqual([]);
  });
});

function markdownBelow(folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name));
}

function isThere(path: string): boolean {
  try {
    return (
      readdirSync(join(root, dirname(path))).includes(path.split('/').at(-1) ?? '') || path.endsWith('/')
    );
  } catch {
    return false;
  }
}
