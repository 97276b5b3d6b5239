import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { hasCode } from '../errors.ts';
import type { Emit, Event } from '../phases/events.ts';

/** What is kept of one host, whatever it sends. */
const MAX_LINES = 2_000;

/**
 * What the hosts of one run told, kept in memory: it goes to a file only for a host that failed.
 */
export class HostLogs {
  readonly #folder: string;
  readonly #lines = new Map<string, string[]>();

  /** @param verb names the folder, with the time */
  constructor(verb: string, now = new Date(), parent = logsFolder()) {
    this.#folder = `${parent}/${now.toISOString().slice(0, 19).replaceAll(':', '-')}-${verb}-${process.pid}`;
  }

  /** Passes events of a host on, and notes them. */
  noting(host: string, emit: Emit): Emit {
    const lines: string[] = [];
    this.#lines.set(host, lines);
    return (event) => {
      const line = lineOf(event);
      if (line !== undefined && lines.length < MAX_LINES) lines.push(`${new Date().toISOString()} ${line}`);
      emit(event);
    };
  }

  /** Nobody asks for what went well. */
  forget(host: string): void {
    this.#lines.delete(host);
  }

  /** @returns the file, for people; undefined where none could be written */
  async write(host: string, end: string): Promise<string | undefined> {
    const path = `${this.#folder}/${host.replaceAll(/[^A-Za-z0-9.@:_-]/g, '_')}.log`;
    const text = [...(this.#lines.get(host) ?? []), `${new Date().toISOString()} failed: ${end}`, ''].join(
      '\n',
    );
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(path, text, { mode: 0o600 });
      return path;
    } catch (error) {
      if (hasCode(error, 'EACCES') || hasCode(error, 'EROFS') || hasCode(error, 'ENOSPC')) return undefined;
      throw error;
    }
  }
}

/** One line; results are left out, they may hold a secret. */
function lineOf(event: Event): string | undefined {
  if (event.type === 'plan' || event.type === 'result') return undefined;
  const { type, path, ...rest } = event;
  const details = Object.values(rest).map(String).join(' ');
  return JSON.stringify(`${path.join('/')} ${type} ${details}`.trim()).slice(1, -1);
}

function logsFolder(): string {
  const state = process.env.XDG_STATE_HOME;
  return `${state === undefined || state === '' ? `${homedir()}/.local/state` : state}/kadm/logs`;
}
