import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { EXIT, UserError } from '../errors.ts';

/** Says who changes this host, for as long as it does. */
export const LOCK_FILE = '/run/lock/kadm.lock';
const HELD = 'held';
/** Another one that ends just now takes the file away between our opening and our locking it. */
const ATTEMPTS = 5;

/**
 * Holds the lock until its standard input ends, which it also does when this process is killed; the kernel then frees it.
 * Says `held`, or who holds it, or nothing when the file was taken away meanwhile.
 */
const HOLDER = `
exec 9>>"$1" || exit 1
flock --nonblock 9 || exec cat "$1"
[ /dev/fd/9 -ef "$1" ] || exit 0
printf '%s' "$2" >"$1"
echo ${HELD}
cat >/dev/null
rm -f "$1"`;

/**
 * Runs `work` while no other kadm changes this host.
 * @param who how another one names this run, such as `kadm init`
 * @throws UserError (preflight) that says who is at work
 */
export async function withHostLock<T>(who: string, work: () => Promise<T>, file = LOCK_FILE): Promise<T> {
  const release = await acquire(`${who} (pid ${process.pid}), since ${new Date().toISOString()}`, file);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(who: string, file: string): Promise<() => Promise<void>> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    // Detached: Ctrl-C goes to the whole group, and what still runs of this process must keep its lock.
    const holder = execa('sh', ['-c', HOLDER, 'kadm-lock', file, who], {
      detached: true,
      reject: false,
      buffer: false,
    });
    const [line] = (await Promise.race([
      once(createInterface({ input: holder.stdout }), 'line'),
      holder.then(() => []),
    ])) as string[];
    if (line === HELD) {
      return async () => {
        holder.stdin.end();
        await holder;
      };
    }
    holder.stdin.end();
    if (line !== undefined) {
      throw new UserError(`another kadm changes this host: ${line}`, {
        remedy: 'wait until it has ended',
        exitCode: EXIT.preflight,
      });
    }
  }
  throw new Error(`${file} cannot be locked`);
}
