import { cacheDirectory } from '../../src/components/cache.ts';
import { destroyLab } from '../../src/lab/destroy.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import type { Emit, Event } from '../../src/phases/events.ts';

const silent: Emit = () => {};

/** Brings up hosts with nothing of Kubernetes. */
export async function bareLab(name: string, nodes: number, emit: Emit = silent): Promise<Lab> {
  return await createLab({ name, nodes, cacheDirectory: cacheDirectory(), emit });
}

export async function removeLab(name: string): Promise<void> {
  await destroyLab(name, { emit: silent });
}

/** Collects the events of a run, and says what its phases noted. */
export class Recorder {
  readonly events: Event[] = [];
  readonly emit: Emit = (event) => void this.events.push(event);

  note(phase: string): string | undefined {
    const event = this.events.find((one) => one.type === 'finished' && one.path[0] === phase);
    return event?.type === 'finished' ? event.note : undefined;
  }
}

// Run by itself, it is the `lab up` that a test kills: node ... bare-lab.ts NAME NODES
if (process.argv[1] === import.meta.filename) {
  await bareLab(process.argv[2] ?? '', Number(process.argv[3]));
}
