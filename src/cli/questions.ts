import { EXIT, UserError } from '../errors.ts';
import { NOBODY, type Questions } from '../ssh/questions.ts';
import { printable } from './printable.ts';
import type { Renderer } from './renderer.ts';

/** Whether somebody sits at a terminal who reads standard error and types on standard input. */
export function atTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** The person at the terminal; nobody where there is none. */
export function questionsAt(renderer: Renderer): Questions {
  return atTerminal() ? new TerminalQuestions(renderer) : NOBODY;
}

class TerminalQuestions implements Questions {
  readonly #renderer: Renderer;
  #last: Promise<unknown> = Promise.resolve();

  constructor(renderer: Renderer) {
    this.#renderer = renderer;
  }

  async secret(question: string): Promise<string> {
    return await this.#inTurn(async () => {
      const prompt = await prompts();
      return (await prompt([{ type: 'password', name: 'answer', message: printable(question) }])).answer;
    });
  }

  async confirm(question: string): Promise<boolean> {
    return await this.#inTurn(async () => {
      const prompt = await prompts();
      const message = printable(question);
      return (await prompt([{ type: 'confirm', name: 'answer', message, default: false }])).answer;
    });
  }

  async #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      const goOn = this.#renderer.pause();
      try {
        return await ask();
      } catch (error) {
        throw asInterruption(error);
      } finally {
        goOn();
      }
    });
    this.#last = turn.catch(() => {});
    return await turn;
  }
}

/** Questions go where the tree is, so that standard output holds results only. */
export async function prompts(): Promise<ReturnType<typeof import('inquirer')['createPromptModule']>> {
  const { createPromptModule } = await import('inquirer');
  return createPromptModule({ input: process.stdin, output: process.stderr });
}

/** Ctrl-C at a question is an interruption, not a fault. */
export function asInterruption(error: unknown): unknown {
  const name = error instanceof Error ? error.name : '';
  if (name !== 'ExitPromptError' && name !== 'AbortPromptError') return error;
  return new UserError('interrupted', { exitCode: EXIT.interrupted });
}
