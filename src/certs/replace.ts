import { messageOf, UserError } from '../errors.ts';
import { changesOf } from '../node/context.ts';
import type { Phase, Step } from '../phases/phase.ts';
import type { RenewContext } from './context.ts';
import { dropKept, keepFiles, putBack } from './kept-files.ts';
import type { Group, Renewal } from './plan.ts';

type Activate = (context: RenewContext, step: Step) => Promise<void>;

/** Replaces the files of one group and starts what uses them; the old files are back when that does not get healthy. */
export function replacing(
  group: Group,
  title: string,
  needs: readonly string[],
  activate: Activate,
): Phase<RenewContext> {
  return {
    id: group,
    title,
    needs,
    skip: ({ renewals }) =>
      renewals.some((one) => one.group === group) ? undefined : 'none of its certificates is renewed',
    async run(context, step) {
      const renewals = context.renewals.filter((one) => one.group === group);
      await replace(context, group, renewals, async () => await activate(context, step));
      step.note(renewals.map(({ name }) => name).join(', '));
    },
  };
}

async function replace(
  context: RenewContext,
  group: Group,
  renewals: readonly Renewal[],
  activate: () => Promise<void>,
): Promise<void> {
  const { host } = context;
  const files = renewals.flatMap((one) => one.files);
  const kept = await keepFiles(
    host,
    renewals.map(({ name }) => name),
    files.map(({ path }) => path),
  );
  try {
    await changesOf(context, 'certs-renew').files(files);
    await activate();
  } catch (error) {
    await putBack(host, kept);
    const after = await activate().then(
      () => 'it is healthy with the old ones, which are back',
      (again: unknown) => `nor with the old ones, which are back: ${messageOf(again)}`,
    );
    await dropKept(host);
    throw new UserError(
      `${group} did not get healthy with its new certificates; ${after}\n${messageOf(error)}`,
      {
        remedy:
          'mend the cause and run the same command again; certificates that were renewed before stay so',
        cause: error,
      },
    );
  }
  await dropKept(host);
}
