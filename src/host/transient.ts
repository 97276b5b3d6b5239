/** Where a host gets an executable that is only for the time of one run. */
export const TRANSIENT_PARENT = '/var/tmp';

/** Whether this executable was put here for one run, by a kadm elsewhere: nobody else has it. */
export function isTransient(path: string): boolean {
  return new RegExp(`^${TRANSIENT_PARENT}/kadm-[^/]+/kadm$`).test(path);
}
