/** Somebody at a terminal who can be asked; one question at a time. */
export interface Questions {
  /** A password or the like, which is not shown. Undefined when there is nobody to ask. */
  secret(question: string): Promise<string | undefined>;
  /** Undefined when there is nobody to ask. */
  confirm(question: string): Promise<boolean | undefined>;
}

/** Nobody: what is not known is not known. */
export const NOBODY: Questions = { secret: async () => undefined, confirm: async () => undefined };
