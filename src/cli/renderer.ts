import type { Event } from '../phases/events.ts';
import { LineRenderer } from './render-lines.ts';

/** Shows the events of a run. `end` waits until everything has been shown. */
export interface Renderer {
  emit(event: Event): void;
  /** Keeps off the terminal until the function that it returns is called. */
  pause(): () => void;
  end(): Promise<void>;
}

export type OutputFormat = 'text' | 'json';

/**
 * A tree on a terminal, lines elsewhere, NDJSON when asked.
 * @param tree false for a verb that prints while it works
 */
export async function rendererFor(format: OutputFormat, tree = true): Promise<Renderer> {
  if (format === 'json') {
    const { JsonRenderer } = await import('./render-json.ts');
    return new JsonRenderer(process.stdout);
  }
  if (tree && process.stderr.isTTY) {
    const { TreeRenderer } = await import('./render-tree.ts');
    return new TreeRenderer();
  }
  return new LineRenderer(process.stderr);
}

/** 0.4 s, 12.3 s, 2 min 5 s */
export function formatDuration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
