import { Listr, type ListrTask, type ListrTaskWrapper } from 'listr2';
import type { Event } from '../phases/events.ts';
import { printable } from './printable.ts';
import { formatDuration, type Renderer } from './renderer.ts';

// biome-ignore lint/suspicious/noExplicitAny: listr2 ties the wrapper's type to its renderers; we use none of it
type Wrapper = ListrTaskWrapper<any, any, any>;
type Outcome = { readonly state: 'finished' | 'skipped' | 'failed' | 'left'; readonly text: string };

/** What draws the tree. */
interface Painter {
  render(): Promise<void> | void;
  update(): void;
  end(): void;
}

/** One line of the tree, and the promises by which listr2 waits for what the events say. */
class Line {
  readonly title: string;
  readonly begun = Promise.withResolvers<void>();
  readonly ended = Promise.withResolvers<Outcome>();
  /** Resolves with the lines below this one, or with undefined when there will be none. */
  readonly below = Promise.withResolvers<Line[] | undefined>();
  wrapper: Wrapper | undefined;

  constructor(title: string) {
    this.title = title;
  }

  end(outcome: Outcome): void {
    this.begun.resolve();
    this.below.resolve(undefined);
    this.ended.resolve(outcome);
  }
}

/** The tree on a terminal: a line a phase, its time when it has ended, what it does meanwhile. */
export class TreeRenderer implements Renderer {
  readonly #lines = new Map<string, Line>();
  #tree: Promise<unknown> | undefined;
  #painter: Painter | undefined;

  emit(event: Event): void {
    const line = this.#lines.get(key(event.path));
    switch (event.type) {
      case 'plan':
        this.#plan(event.path, event.steps);
        break;
      case 'started':
        line?.begun.resolve();
        break;
      case 'progress':
      case 'warning':
        if (line?.wrapper !== undefined) line.wrapper.output = printable(event.message);
        break;
      case 'finished':
        line?.end({ state: 'finished', text: timed(line.title, event.ms, event.note) });
        break;
      case 'skipped':
        line?.end({ state: 'skipped', text: printable(`${line.title}: ${event.reason}`) });
        break;
      case 'failed':
        line?.end({ state: 'failed', text: timed(line.title, event.ms) });
        break;
      case 'result':
        break;
    }
  }

  /** Leaves what is shown as it is, and goes on below it afterwards. */
  pause(): () => void {
    const painter = this.#painter;
    if (painter === undefined) return () => {};
    painter.end();
    painter.update = () => {};
    return () => {
      Reflect.deleteProperty(painter, 'update');
      void painter.render();
    };
  }

  async end(): Promise<void> {
    for (const line of this.#lines.values()) line.end({ state: 'left', text: line.title });
    await this.#tree;
  }

  #plan(path: readonly string[], steps: readonly { id: string; title: string }[]): void {
    const lines = steps.map(({ id, title }) => {
      const line = new Line(printable(title));
      this.#lines.set(key([...path, id]), line);
      return line;
    });
    const parent = this.#lines.get(key(path));
    if (parent !== undefined) parent.below.resolve(lines);
    else {
      const options = { concurrent: true, exitOnError: false, registerSignalListeners: false } as const;
      const rendererOptions = { collapseSubtasks: false, collapseErrors: true, collapseSkips: false };
      const tree = new Listr(lines.map(taskOf), { ...options, rendererOptions });
      // A run that works on more hosts after the first ones shows them below.
      this.#tree = (this.#tree ?? Promise.resolve()).then(async () => {
        const running = tree.run();
        // listr2 has no other way to let something else speak on the terminal meanwhile.
        this.#painter = (tree as unknown as { renderer: Painter }).renderer;
        await running;
      });
    }
  }
}

function taskOf(line: Line): ListrTask {
  const follow = async (wrapper: Wrapper): Promise<void> => {
    const outcome = await line.ended.promise;
    wrapper.title = outcome.text;
    if (outcome.state === 'skipped' || outcome.state === 'left') wrapper.skip(outcome.text);
    if (outcome.state === 'failed') throw new Error(outcome.text);
  };
  return {
    title: `${line.title} …`,
    task: async (_, wrapper) => {
      line.wrapper = wrapper;
      await line.begun.promise;
      wrapper.title = line.title;
      const below = await line.below.promise;
      if (below === undefined) return await follow(wrapper);
      // The line itself ends after those below it: a last, invisible task waits for that.
      const closing: ListrTask = { task: async () => await follow(wrapper) };
      return wrapper.newListr([...below.map(taskOf), closing], { concurrent: true, exitOnError: false });
    },
  };
}

function timed(title: string, ms: number, note?: string): string {
  return printable(`${title} [${formatDuration(ms)}]${note === undefined ? '' : ` ${note}`}`);
}

function key(path: readonly string[]): string {
  return path.join('\u0000');
}
