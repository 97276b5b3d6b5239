import type { Writable } from 'node:stream';
import type { Event } from '../phases/events.ts';
import { formatDuration, printable, type Renderer } from './renderer.ts';

/** A line for each thing that happens: for logs, pipes and CI. */
export class LineRenderer implements Renderer {
  readonly #out: Writable;
  readonly #titles = new Map<string, string>();

  constructor(out: Writable) {
    this.#out = out;
  }

  emit(event: Event): void {
    if (event.type === 'plan') {
      for (const step of event.steps) this.#titles.set([...event.path, step.id].join('/'), step.title);
      return;
    }
    const line = this.#line(event);
    if (line !== undefined) this.#out.write(`${printable(line)}\n`);
  }

  pause(): () => void {
    return () => {};
  }

  async end(): Promise<void> {
    await new Promise((resolve) => this.#out.write('', resolve));
  }

  #line(event: Exclude<Event, { type: 'plan' }>): string | undefined {
    const path = event.path.join('/');
    const name = `[${path}] ${this.#titles.get(path) ?? ''}`.trimEnd();
    switch (event.type) {
      case 'started':
        return name;
      case 'progress':
        return `[${path}] ${event.message}`;
      case 'finished':
        return `[${path}] done in ${formatDuration(event.ms)}${event.note === undefined ? '' : `: ${event.note}`}`;
      case 'skipped':
        return `[${path}] skipped: ${event.reason}`;
      case 'failed':
        // What went wrong is said once, at the end.
        return `[${path}] failed after ${formatDuration(event.ms)}`;
      case 'warning':
        return `[${path}] warning: ${event.message}`;
      case 'result':
        return undefined;
    }
  }
}
