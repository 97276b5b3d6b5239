import type { HostInterface } from './actual.ts';

/**
 * The alias (ifalias, ip-link(8)) of each device that kadm made. Names are shared with flannel and with the
 * CNI plugins, and MAC addresses can be changed by anybody: what is removed goes by this mark alone.
 */
export const OWNER_ALIAS = 'kadm';

export function isMarked({ alias }: Pick<HostInterface, 'alias'>): boolean {
  return alias === OWNER_ALIAS;
}
