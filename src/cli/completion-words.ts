import type { Command, Option } from 'commander';

/** A word that may stand in place of the last one. */
export interface Candidate {
  readonly word: string;
  readonly description: string;
}

/** Stands for all names of files, which the shell knows best. */
export const FILES = ':files';

export type Candidates = readonly (Candidate | typeof FILES)[];

/** Placeholders of values (`--config <file>`) whose candidates are not a fixed list of the option's own. */
const FILE = /^<file>$/;
const PHASES = /^<ids>$/;

/**
 * What may stand in place of the last word of a command line; derived from the commands themselves.
 * @param program the whole command line
 * @param words those after `kadm`; the last one is unfinished, perhaps empty
 * @param phaseIds the phases of a command, and their parts as lists name them: PHASE/PART
 */
export function candidates(
  program: Command,
  words: readonly string[],
  phaseIds: (command: string) => readonly Candidate[],
): Candidates {
  const last = words.at(-1) ?? '';
  const { command, operands, awaiting, ended } = walk(program, words.slice(0, -1));
  if (ended) return [];
  // `init phase NAME` has the phases of init.
  const isPhase = command.name() === 'phase';
  const phases = phaseIds((isPhase ? command.parent : command)?.name() ?? '');
  if (awaiting !== undefined) return valuesOf(awaiting, last, '', phases);
  const [, flag, value] = /^(--[^=]+)=(.*)$/.exec(last) ?? [];
  if (flag !== undefined && value !== undefined) {
    const option = optionOf(command, flag);
    return option?.required ? valuesOf(option, value, `${flag}=`, phases) : [];
  }
  if (last.startsWith('-')) return flagsOf(command, last);
  if (isPhase) return phaseWords(phases, operands, last);
  return operandsOf(command, operands.length, last);
}

interface Place {
  readonly command: Command;
  /** Those of the command that come before. */
  readonly operands: readonly string[];
  /** The option whose value comes next. */
  readonly awaiting: Option | undefined;
  /** After `--`: what follows is another program's. */
  readonly ended: boolean;
}

/** Where a command line has got to after these words. */
function walk(program: Command, words: readonly string[]): Place {
  let command = program;
  const operands: string[] = [];
  let awaiting: Option | undefined;
  for (const word of words) {
    if (awaiting !== undefined) {
      awaiting = undefined;
    } else if (word === '--') {
      return { command, operands, awaiting, ended: true };
    } else if (word.startsWith('-')) {
      const option = optionOf(command, word);
      if (option?.required) awaiting = option;
    } else {
      const child = operands.length === 0 ? childOf(command, word) : undefined;
      if (child === undefined) operands.push(word);
      else command = child;
    }
  }
  return { command, operands, awaiting, ended: false };
}

/** A phase; after one, its parts. */
function phaseWords(phases: readonly Candidate[], operands: readonly string[], start: string): Candidate[] {
  const before = operands.map((word) => `${word}/`).join('');
  return phases
    .filter(({ word }) => word.startsWith(`${before}${start}`))
    .map(({ word, description }) => ({ word: word.slice(before.length), description }))
    .filter(({ word }) => isDue(word, start));
}

/** Parts of phases only where a slash is typed: before, they would stand between the phases. */
function isDue(word: string, typed: string): boolean {
  return typed.includes('/') || !word.includes('/');
}

function childOf(command: Command, name: string): Command | undefined {
  return command.commands.find((child) => child.name() === name || child.aliases().includes(name));
}

function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find((option) => option.long === flag || option.short === flag);
}

function flagsOf(command: Command, start: string): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }) => (long ? [{ word: long, description }] : []))
    .filter(({ word }) => word.startsWith(start));
}

/** Names of subcommands, or the values that the next argument takes. */
function operandsOf(command: Command, operands: number, start: string): Candidate[] {
  const children =
    operands > 0
      ? []
      : command
          .createHelp()
          .visibleCommands(command)
          .map((child) => ({ word: child.name(), description: child.description() }));
  const argument = command.registeredArguments[operands];
  const values = (argument?.argChoices ?? []).map((word) => ({
    word,
    description: argument?.description ?? '',
  }));
  return [...children, ...values].filter(({ word }) => word.startsWith(start));
}

/** @param before what stands in the same word before the value, such as `--output=` */
function valuesOf(
  { argChoices, flags, description }: Option,
  start: string,
  before: string,
  phases: readonly Candidate[],
): Candidates {
  const placeholder = flags.split(' ').at(-1) ?? '';
  if (FILE.test(placeholder)) return [FILES];
  if (PHASES.test(placeholder)) return listItems(phases, start, before);
  return (argChoices ?? [])
    .filter((word) => word.startsWith(start))
    .map((word) => ({ word: `${before}${word}`, description }));
}

/** The next item of a list with commas; none that it has already. */
function listItems(items: readonly Candidate[], start: string, before: string): Candidate[] {
  const chosen = start.split(',');
  const typed = chosen.pop() ?? '';
  const head = chosen.map((item) => `${item},`).join('');
  return items
    .filter(({ word }) => !chosen.includes(word) && word.startsWith(typed) && isDue(word, typed))
    .map(({ word, description }) => ({ word: `${before}${head}${word}`, description }));
}
