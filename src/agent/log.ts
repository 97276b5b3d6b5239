/** Writes one line of JSON an entry; the journal keeps time and unit. */
export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** Priorities of syslog, which journald reads from the start of a line (sd-daemon(3)). */
const PRIORITY = { error: 3, warn: 4, info: 6 } as const;

export const log: Log = (level, message, fields = {}) => {
  process.stdout.write(`<${PRIORITY[level]}>${JSON.stringify({ level, message, ...fields })}\n`);
};
