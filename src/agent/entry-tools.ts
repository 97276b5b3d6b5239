import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Batch } from '../cni/apply.ts';
import { CommandError } from '../host/command.ts';

/** After so long without a change they end. */
const IDLE_MS = 60_000;
/** What changes few entries takes a moment; one that does not answer hangs. */
const TIMEOUT_MS = 10_000;
/** Neither `ip` nor `bridge` knows such an object, and both say so: what they were told before is then done. */
const MARK = 'kadm-end';

/**
 * `ip` and `bridge` in batch mode that stay, for changes of single Nodes: to start a program takes many times as long
 * as such a change, and most of it on the thread that everything else waits for.
 */
export class EntryTools {
  readonly #running = new Map<string, BatchTool>();
  #idle: NodeJS.Timeout | undefined;

  /** @throws CommandError with what the tool said of the lines that failed */
  readonly run = async ({ argv, input = '' }: Batch): Promise<void> => {
    const name = argv.join(' ');
    let tool = this.#running.get(name);
    if (tool === undefined) {
      tool = new BatchTool(argv);
      this.#running.set(name, tool);
    }
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.end(), IDLE_MS).unref();
    try {
      await tool.make(input);
    } catch (error) {
      this.end();
      throw error;
    }
  };

  /** Others are started with the next change. They know devices by number: where one was made anew, they do not know it. */
  end(): void {
    clearTimeout(this.#idle);
    for (const tool of this.#running.values()) tool.end();
    this.#running.clear();
  }
}

class BatchTool {
  readonly #argv: readonly string[];
  readonly #child: ChildProcessWithoutNullStreams;
  /** Lines that it was given: it numbers them in what it says. */
  #lines = 0;
  /** Since the last mark. */
  #said = '';
  #onSaid: () => void = () => {};
  #onEnd: (why: string) => void = () => {};
  #ended: string | undefined;

  constructor(argv: readonly string[]) {
    const [program = '', ...args] = argv;
    this.#argv = argv;
    this.#child = spawn(program, args, { env: { ...process.env, LC_ALL: 'C' } });
    this.#child.stdout.resume();
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
      this.#onSaid();
    });
    const ended = (why: string): void => {
      this.#ended ??= why;
      this.#onEnd(this.#ended);
    };
    this.#child.once('error', ({ message }) => ended(message));
    this.#child.once('close', () => ended('ended'));
    // That it has ended is told by its end.
    this.#child.stdin.on('error', () => {});
  }

  /** @param input whole lines */
  async make(input: string): Promise<void> {
    this.#lines += input.split('\n').length;
    const mark = `Command failed -:${this.#lines}\n`;
    const failures = await new Promise<string>((resolve, reject) => {
      const fail = (why: string): void => reject(new CommandError(this.#argv, why, undefined, this.#said));
      if (this.#ended !== undefined) return fail(this.#ended);
      const timer = setTimeout(() => fail(`no end within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
      this.#onEnd = (why) => {
        clearTimeout(timer);
        fail(why);
      };
      this.#onSaid = () => {
        const end = this.#said.indexOf(mark);
        if (end === -1) return;
        clearTimeout(timer);
        resolve(this.#said.slice(0, end));
        this.#said = this.#said.slice(end + mark.length);
      };
      this.#child.stdin.write(`${input}${MARK}\n`);
    });
    // The last line is what it says of the mark.
    const said = failures.split('\n').slice(0, -2).join('\n');
    if (said.includes('Command failed')) throw new CommandError(this.#argv, 'refused', undefined, said);
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}
