import { Command } from 'commander';

/** `kadm network probe`: what `kadm network check` runs in its pods. */
export function networkProbeCommand(): Command {
  return new Command('probe')
    .description('not for people: what the pods of kadm network check run')
    .option('--serve', 'answer the others, until the pod ends')
    .action(async ({ serve }: { serve?: true }) => {
      const { probeFromPod, servePod } = await import('../netcheck/probe-in-pod.ts');
      await (serve === true ? servePod() : probeFromPod());
    });
}
