import { featureGatesSchema } from './kubeadm-parts.ts';
import { nearest } from './nearest.ts';
import { usage } from './values.ts';

/** `--feature-gates A=true,B=false`, by the rules of ClusterConfiguration.featureGates. @throws UserError (usage) */
export function featureGates(flag: string, text: string): Record<string, boolean> {
  const known = Object.keys(featureGatesSchema.shape);
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  const gates = Object.fromEntries(
    pairs.map((pair) => {
      const [name = '', value = ''] = pair.trim().split('=');
      if (!known.includes(name)) {
        const close = nearest(name, known) ?? `one of ${known.join(', ')}`;
        throw usage(`${flag}: there is no feature gate ${JSON.stringify(name)}`, `perhaps ${close} is meant`);
      }
      if (value !== 'true' && value !== 'false')
        throw usage(`${flag}: ${name} is neither true nor false`, `write ${name}=true`);
      return [name, value === 'true'] as const;
    }),
  );
  const [issue] = featureGatesSchema.safeParse(gates).error?.issues ?? [];
  if (issue !== undefined) throw usage(`${flag}: ${issue.path.join('.')} ${issue.message}`);
  return gates;
}
