import { EXIT, UserError } from '../errors.ts';
import type { Step } from '../phases/phase.ts';

/** What is wrong with a host, and what to do about it. */
export interface Problem {
  readonly message: string;
  readonly remedy: string;
  /** It can be lived with: told, and gone on. */
  readonly bearable?: boolean;
}

/** One thing to look at before anything is changed. Names are kubeadm's where the check is the same. */
export interface Check {
  readonly name: string;
  run(): Promise<Problem | undefined>;
}

/**
 * Runs all checks together and reports all failures together.
 * @param ignored names of checks whose failures only warn; `all` for every one
 * @throws UserError (preflight)
 */
export async function runChecks(
  checks: readonly Check[],
  ignored: readonly string[],
  step: Step,
): Promise<void> {
  const ignore = new Set(ignored.map((name) => name.toLowerCase()));
  const results = await Promise.all(
    checks.map(async (check) => ({ name: check.name, problem: await check.run() })),
  );
  const fatal: Failure[] = [];
  for (const { name, problem } of results) {
    if (problem === undefined) continue;
    if (problem.bearable || ignore.has('all') || ignore.has(name.toLowerCase()))
      step.warn(lineOf({ name, problem }));
    else fatal.push({ name, problem });
  }
  if (fatal.length > 0) throw notReady(fatal);
}

interface Failure {
  readonly name: string;
  readonly problem: Problem;
}

/** One problem is one line; of several, each has its own. */
function notReady(failures: readonly Failure[]): UserError {
  const names = failures.map(({ name }) => name).join(',');
  const goOn = `nothing was changed; --ignore-preflight-errors=${names} goes on all the same`;
  const [first] = failures;
  if (first !== undefined && failures.length === 1) {
    return new UserError(`this host is not ready: ${first.problem.message}`, {
      remedy: `${first.problem.remedy} (${goOn})`,
      exitCode: EXIT.preflight,
    });
  }
  const lines = failures.map((failure) => `  ${lineOf(failure)}`);
  return new UserError(`this host is not ready:\n${lines.join('\n')}`, {
    remedy: goOn,
    exitCode: EXIT.preflight,
  });
}

function lineOf({ name, problem }: Failure): string {
  return `[${name}] ${problem.message}: ${problem.remedy}`;
}

/**
 * A check of what can only be tried.
 * @param attempt changes nothing
 * @param remedy for a UserError that has none
 */
export function tried(name: string, attempt: () => void | Promise<void>, remedy = ''): Check {
  return check(name, async () => {
    try {
      await attempt();
      return undefined;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { message: error.message, remedy: error.remedy ?? remedy };
    }
  });
}

/** kadm changes units, kernel settings and root's files. @throws UserError (preflight) */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new UserError('kadm needs root here', { remedy: 'run it with sudo', exitCode: EXIT.preflight });
}

export function check(name: string, run: Check['run']): Check {
  return { name, run };
}
