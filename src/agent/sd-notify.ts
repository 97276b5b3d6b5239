import { runCommand } from '../host/command.ts';

const TIMEOUT_MS = 10_000;

/** Tells systemd about this unit (sd_notify(3)), through its own program: Node has no datagram sockets of AF_UNIX. */
export async function notifySystemd(state: 'READY=1' | 'WATCHDOG=1'): Promise<void> {
  if (process.env.NOTIFY_SOCKET === undefined) return;
  await runCommand(['systemd-notify', state], { timeoutMs: TIMEOUT_MS });
}

/** How often systemd wants to hear of this unit, in milliseconds; undefined when it does not ask. */
export function watchdogPeriodMs(
  environment: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const microseconds = Number(environment.WATCHDOG_USEC);
  return microseconds > 0 ? microseconds / 1000 : undefined;
}
