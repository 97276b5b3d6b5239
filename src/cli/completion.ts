import { Argument, Command } from 'commander';
import { COMPLETION_SCRIPTS, type Shell } from './completion-scripts.ts';
import { type Candidate, candidates, FILES } from './completion-words.ts';

/** What the scripts ask, at each press of the tab key. */
export const ASK = '__complete';

const SHELLS = Object.keys(COMPLETION_SCRIPTS) as Shell[];

const EXAMPLES = `
Examples:
  bash:  kadm completion bash > /etc/bash_completion.d/kadm
  zsh:   kadm completion zsh > "\${fpath[1]}/_kadm"
  fish:  kadm completion fish > ~/.config/fish/completions/kadm.fish
  now:   source <(kadm completion bash)
`;

/** `kadm completion`: the script that lets a shell complete kadm's commands, flags and their values. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print the script by which a shell completes kadm’s commands and flags')
    .addArgument(new Argument('<shell>', 'whose script').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell) => void process.stdout.write(COMPLETION_SCRIPTS[shell]));
}

/** Not for people: the words of a command line after its first, the last one unfinished. */
export function askCommand(): Command {
  return new Command(ASK)
    .description('what may stand in place of the last word')
    .argument('[words...]')
    .action(async (words: string[], _options: object, self: Command) => {
      if (self.parent === null) return;
      const { phaseIds } = await import('./phase-ids.ts');
      const found = candidates(self.parent, words, phaseIds);
      process.stdout.write(found.map(lineOf).join(''));
    });
}

/** What the scripts read: the word, and after a tab what it is for. */
function lineOf(candidate: Candidate | typeof FILES): string {
  if (candidate === FILES) return `${FILES}\n`;
  return `${candidate.word}\t${candidate.description.split('\n')[0]}\n`;
}
