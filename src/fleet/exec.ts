import type { Readable } from 'node:stream';
import { UserError } from '../errors.ts';
import type { Emit } from '../phases/events.ts';
import type { Connector } from '../ssh/connector.ts';
import { asRoot } from '../ssh/privilege.ts';
import type { SshTarget } from '../ssh/target.ts';
import { onEachTarget, throwFailures } from './hosts.ts';

/** Longer lines are cut into pieces of this size. */
const LONGEST_LINE = 16_000;

export interface FleetExec {
  readonly targets: readonly SshTarget[];
  readonly argv: readonly string[];
  readonly connector: Connector;
  readonly timeoutMs: number;
  readonly emit: Emit;
  /** Hears each line of output. */
  readonly tell: (host: string, line: string) => void;
}

/**
 * Runs one command on many hosts at once, as root.
 * @throws UserError naming the hosts where it ended with another code than 0, or could not be run
 */
export async function execOnHosts(exec: FleetExec): Promise<void> {
  const { targets, argv, connector, timeoutMs, emit } = exec;
  const results = await onEachTarget(targets, { emit, verb: 'exec' }, async (target, emitOfHost) => {
    const { name } = target;
    const tell = (line: string): void => exec.tell(name, line);
    const connection = await connector.open(target, (message) =>
      emitOfHost({ type: 'progress', path: [], message }),
    );
    const timer = setTimeout(() => connection.abandon(`${argv[0]} did not end in time`), timeoutMs);
    try {
      const root = await asRoot(connection, connector.credentials);
      const remote = await root.start(argv);
      remote.stdin.end();
      await Promise.all([lines(remote.stdout, tell), lines(remote.stderr, tell)]);
      const exitCode = await remote.exit;
      if (exitCode !== 0) throw new UserError(`${name}: ${argv[0]} ended with ${exitCode}`);
    } finally {
      clearTimeout(timer);
      connection.close();
    }
  });
  throwFailures(results, 'exec');
}

/** The stream is not read faster than the lines are told, and no line is held whole that has no end. */
async function lines(stream: Readable, tell: (line: string) => void): Promise<void> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const piece of stream) {
    const parts = `${rest}${piece}`.split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) tell(line.slice(0, LONGEST_LINE));
    if (rest.length > LONGEST_LINE) {
      tell(rest);
      rest = '';
    }
  }
  if (rest !== '') tell(rest);
}
