import type { Phase } from '../../phases/phase.ts';
import type { UpContext } from './context.ts';
import { hosts } from './hosts.ts';
import { machinePackages } from './machine-packages.ts';
import { machineSettings } from './machine-settings.ts';
import { network } from './network.ts';
import { rootFilesystem } from './root-filesystem.ts';

export type { UpContext };

/** What a bare lab takes, in order; phases whose needs are met run together. */
export const upPhases: readonly Phase<UpContext>[] = [
  machinePackages,
  rootFilesystem,
  machineSettings,
  network,
  hosts,
];
