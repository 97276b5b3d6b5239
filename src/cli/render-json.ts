import type { Writable } from 'node:stream';
import { type Event, eventLine } from '../phases/events.ts';
import type { Renderer } from './renderer.ts';

/** One line of JSON an event; docs/events.md describes the fields. */
export class JsonRenderer implements Renderer {
  readonly #out: Writable;

  constructor(out: Writable) {
    this.#out = out;
  }

  emit(event: Event): void {
    this.#out.write(`${JSON.stringify(eventLine(event, new Date()))}\n`);
  }

  pause(): () => void {
    return () => {};
  }

  async end(): Promise<void> {
    await new Promise((resolve) => this.#out.write('', resolve));
  }
}
