/** Exit codes, documented in docs/commands.md. `partial`: of several hosts some are done, and others failed. */
export const EXIT = { done: 0, failed: 1, usage: 2, preflight: 3, partial: 4, interrupted: 130 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * What the user can mend: says what is wrong, and what to do. Everything else that is thrown is a bug and
 * shown with its stack trace. Never carries a secret.
 */
export class UserError extends Error {
  readonly remedy: string | undefined;
  readonly exitCode: ExitCode;

  constructor(message: string, options: { remedy?: string; exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'UserError';
    this.remedy = options.remedy;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether anything thrown carries this system error code, such as ENOENT. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
