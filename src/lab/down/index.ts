import type { Phase } from '../../phases/phase.ts';
import type { DownContext } from './context.ts';
import { disks } from './disks.ts';
import { hosts } from './hosts.ts';
import { machine } from './machine.ts';
import { network } from './network.ts';

export type { DownContext };

/** How a lab is removed: everything goes on as far as it can, and what is left is told at the end. */
export const downPhases: readonly Phase<DownContext>[] = [hosts, network, disks, machine];
