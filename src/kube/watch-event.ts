import { type Status, statusOf } from './api-error.ts';

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly object: Status };

/** One line of a watch. An ERROR is the last of its stream. */
export function eventFrom<T>(line: string): WatchEvent<T> {
  const event = JSON.parse(line) as { type: WatchEvent<T>['type']; object: T };
  return event.type === 'ERROR'
    ? { type: 'ERROR', object: statusOf(event.object) }
    : { ...event, type: event.type };
}
