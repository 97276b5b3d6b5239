import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { CommandRunner } from './command-runner.ts';
import { add, type Counts, countsOf, lastLine, NOTHING } from './counts.ts';

/*
 * `npm test`: all checks and tests, one after the other, whatever became of those before, and a last line with
 * their numbers. Ends with 1 when anything failed, or when nothing was run.
 *
 * Lab tests take root. Without it they are skipped, but in CI (CI=true) they are run and fail.
 */
const CONFIG = ['--config', 'test/vitest.config.ts'];
const runner = new CommandRunner();

/** A check that passes or fails as a whole. */
async function check(argv: readonly string[]): Promise<Counts> {
  return (await runner.run(argv)) === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 };
}

async function tests(project: 'unit' | 'lab'): Promise<Counts> {
  return await withReport(async (file) => {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const code = await runner.run(['vitest', 'run', ...CONFIG, '--project', project, ...reporters]);
    return countsOf(await readReport(file), code);
  });
}

async function labTests(): Promise<Counts> {
  if (process.getuid?.() !== 0 && process.env.CI !== 'true') return await skipped('lab');
  try {
    return await tests('lab');
  } finally {
    const loader = './test/template-loader.ts';
    await runner.cleanUp(['node', '--import', loader, 'test/lab/support/test-runs.ts']);
  }
}

async function skipped(project: 'lab'): Promise<Counts> {
  return await withReport(async (file) => {
    await runner.run(['vitest', 'list', ...CONFIG, '--project', project, `--json=${file}`]);
    process.stdout.write(`\nThe ${project} tests were skipped: they take root. sudo npm test runs them.\n`);
    const list = await readReport(file);
    return { ...NOTHING, skipped: Array.isArray(list) ? list.length : 1 };
  });
}

async function withReport(use: (file: string) => Promise<Counts>): Promise<Counts> {
  const folder = await mkdtemp(`${tmpdir()}/kadm-test-`);
  try {
    return await use(`${folder}/report.json`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Undefined when the run ended before it wrote its report. */
async function readReport(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}

const steps: readonly (() => Promise<Counts>)[] = [
  () => check(['biome', 'check', '.']),
  () => check(['tsc', '--noEmit']),
  () => tests('unit'),
  () => check(['node', 'src/build/main.ts']),
  labTests,
];

let total = NOTHING;
for (const step of steps) {
  if (runner.interrupted) break;
  total = add(total, await step());
}
if (runner.interrupted) total = add(total, { ...NOTHING, failed: 1 });
process.stdout.write(`\n${lastLine(total)}\n`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
