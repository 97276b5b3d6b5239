import { sha256 } from '../../host/host.ts';
import { type ComponentName, imageName, isImage, type Release } from '../catalog.ts';
import { IMAGES } from './images.ts';
import { MODULE_SUMS } from './module-sums.ts';
import { DEBIAN_BINARIES, groupOf, PROGRAMS, programsOf } from './programs.ts';

/** To be raised when the code here makes something else of the same data, such as another surrounding. */
const FORMAT = 1;

/**
 * Names how a component is made: what was made in another way, by an earlier kadm, is made again. The root
 * filesystem is no part of it: what comes from there stays as it was first taken.
 */
export function recipeOf(name: ComponentName, release: Release): string {
  const group = groupOf(name);
  const programs = programsOf(name).map(
    (program) => Object.entries(PROGRAMS).find(([one]) => one === program)?.[1].package,
  );
  const recipe = {
    FORMAT,
    programs,
    sums: group && MODULE_SUMS[`${group.id} ${group.version(release)}`],
    variables: group?.variables(release),
    debian: Object.entries(DEBIAN_BINARIES).find(([one]) => one === name)?.[1],
    image: isImage(name) ? { ...IMAGES[name], name: imageName(name, release) } : undefined,
  };
  return sha256(JSON.stringify(recipe));
}
