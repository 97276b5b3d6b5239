import type { Writable } from 'node:stream';
import type { Event } from '../phases/events.ts';
import { printable } from './printable.ts';
import { formatDuration, type Renderer } from './renderer.ts';

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
    // What concerns the whole run stands for itself.
    const label = path === '' ? '' : `[${path}] `;
    const name = `${label}${this.#titles.get(path) ?? ''}`.trimEnd();
    switch (event.type) {
      case 'started':
        return name;
      case 'progress':
        return `${label}${event.message}`;
      case 'finished':
        return `${label}done in ${formatDuration(event.ms)}${event.note === undefined ? '' : `: ${event.note}`}`;
      case 'skipped':
        return `${label}skipped: ${event.reason}`;
      case 'failed':
        // What went wrong is said once, at the end.
        return `${label}failed after ${formatDuration(event.ms)}`;
      case 'warning':
        return `${label}warning: ${event.message}`;
      case 'result':
        return undefined;
    }
  }
}
