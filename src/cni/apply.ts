import type { Host } from '../host/host.ts';
import type { Step } from './diff.ts';
import { FORWARD_CHAIN } from './forward.ts';
import { tableCommands } from './network-table.ts';

/** 100,000 routes take the kernel about a second; ten times that is a kernel that hangs. */
const TIMEOUT_MS = 30_000;

/** @throws CommandError with what the tool said of the steps that failed */
export async function applySteps(host: Host, steps: readonly Step[]): Promise<void> {
  await makeSteps(steps, async ({ argv, input }) => {
    await host.run(argv, { ...(input === undefined ? {} : { input }), timeoutMs: TIMEOUT_MS });
  });
}

/**
 * Makes the steps in order, those for one tool that follow each other in one batch. Side by side are made what needs
 * nothing of each other: neighbours and forwarding entries, and filters beside all else. Within a batch the steps after
 * a failed one are still made.
 */
export async function makeSteps(steps: readonly Step[], run: (batch: Batch) => Promise<void>): Promise<void> {
  const inOrder = async (some: readonly Step[]): Promise<void> => {
    let made: Promise<unknown> = Promise.resolve();
    for (const stage of stages(some)) {
      // The text of thousands of steps is written while those before are made.
      const ready = stage();
      await made;
      made = Promise.all(ready.map(run));
    }
    await made;
  };
  const isFilter = ({ kind }: Step): boolean => kind === 'nftables' || kind === 'forward';
  await Promise.all([inOrder(steps.filter((step) => !isFilter(step))), inOrder(steps.filter(isFilter))]);
}

/** Batches, each list of which is made when those before it are: neighbours and forwarding entries at once. */
function stages(steps: readonly Step[]): (() => Batch[])[] {
  const isEntry = ({ kind }: Step): boolean => kind === 'neighbour' || kind === 'fdb';
  const runs: Step[][] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    const goesOn = last?.[0] !== undefined && isEntry(last[0]) === isEntry(step);
    if (goesOn && (isEntry(step) || isBatchable(step, last[0]))) last.push(step);
    else runs.push([step]);
  }
  return runs.map((some) => () => batches(some));
}

export interface Batch {
  readonly argv: readonly string[];
  readonly input: string | undefined;
}

/** The same steps as programs and what they get on standard input. */
export function batches(steps: readonly Step[]): Batch[] {
  const groups: Step[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last !== undefined && isBatchable(step, last[0])) last.push(step);
    else groups.push([step]);
  }
  return groups.map((group) => {
    const [first] = group;
    // nft opens its standard input once more by name, which the sockets that Node gives to children do not allow.
    if (first?.tool === 'nft') return { argv: ['nft', '-j', describeStep(first)], input: undefined };
    if (first !== undefined && 'input' in first) {
      return { argv: [first.tool, '--wait', '5', '--noflush'], input: first.input };
    }
    return {
      argv: [first?.tool ?? 'ip', '-force', '-batch', '-'],
      input: group.map((step) => `${describeStep(step)}\n`).join(''),
    };
  });
}

/** Whether one batch takes a step after another; nft and iptables-restore get one whole transaction. */
function isBatchable({ tool }: Step, before: Step | undefined): boolean {
  return tool === before?.tool && (tool === 'ip' || tool === 'bridge');
}

/** One step as logs name it. */
export function nameStep(step: Step): string {
  if (step.tool === 'nft') return `nft table ${step.table.family} ${step.table.name}`;
  if ('input' in step) return `${step.tool.replace(/-restore$/, '')} ${FORWARD_CHAIN}`;
  return `${step.tool} ${describeStep(step)}`;
}

/** One step as its tool takes it. @throws Error for a word that the tool would not read as one word */
export function describeStep(step: Step): string {
  if (step.tool === 'nft') return JSON.stringify(tableCommands(step.table));
  if ('input' in step) return step.input;
  const line = step.words.join(' ');
  // Spaces, quotes, comments and line ends mean something in a batch file.
  if (!/^[\w.:/@+ -]+$/.test(line) || step.words.some((word) => word === '' || word.includes(' ')))
    throw new Error(`not a word for ${step.tool} -batch in ${JSON.stringify(step.words)}`);
  return line;
}
