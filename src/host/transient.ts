/**
 * Where a host gets an executable that is only for the time of one run: the first of these in which programs can be
 * stored and run.
 */
export const TRANSIENT_PARENTS = ['/var/tmp', '/var/lib', '/root', '/opt', '/run'] as const;

/** Whether this executable was put here for one run, by a kadm elsewhere: nobody else has it. */
export function isTransient(path: string): boolean {
  return new RegExp(`^(${TRANSIENT_PARENTS.join('|')})/kadm-[^/]+/kadm$`).test(path);
}
