import { z } from 'zod';

/**
 * What a run tells about itself, in the order in which it happens. `path` names the step from the outside
 * in: ['h2', 'kubelet-start'] is the phase kubelet-start of the run on h2. One line of NDJSON each
 * (`--output json`); docs/events.md describes the fields.
 */
const path = z.array(z.string().max(200)).max(8);
const text = z.string().max(16_384);

export const eventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('plan'),
    path,
    /** The steps below `path`; each will start, be skipped, or never be reached. */
    steps: z.array(z.object({ id: z.string().max(200), title: text })).max(2000),
  }),
  z.object({ type: z.literal('started'), path }),
  z.object({ type: z.literal('progress'), path, message: text }),
  z.object({ type: z.literal('finished'), path, ms: z.number(), note: text.optional() }),
  z.object({ type: z.literal('skipped'), path, reason: text }),
  z.object({ type: z.literal('failed'), path, ms: z.number(), message: text, remedy: text.optional() }),
  z.object({ type: z.literal('warning'), path, message: text }),
  /** What the whole run yields, such as the parts of the join command. Secret parts only where documented. */
  z.object({ type: z.literal('result'), path, result: z.record(z.string(), z.unknown()) }),
]);

export type Event = z.infer<typeof eventSchema>;

/** Of the lines of `--output json`; a higher one would mean that something they had has gone or changed its meaning. */
export const EVENT_VERSION = 1;

const line = { version: z.literal(EVENT_VERSION), time: z.iso.datetime() };
const [first, ...others] = eventSchema.options;

/** One line of `--output json`; docs/events.md has it as a JSON Schema. */
export const eventLineSchema = z.discriminatedUnion('type', [
  z.object({ ...line, ...first.shape }),
  ...others.map((option) => z.object({ ...line, ...option.shape })),
]);

export type EventLine = z.infer<typeof eventSchema> & z.infer<z.ZodObject<typeof line>>;

export function eventLine(event: Event, now: Date): EventLine {
  return { version: EVENT_VERSION, time: now.toISOString(), ...event };
}
export type Emit = (event: Event) => void;

/** Passes events on as those of a step within an outer run. */
export function within(emit: Emit, ...outer: string[]): Emit {
  return (event) => emit({ ...event, path: [...outer, ...event.path] });
}
