import type { ImageRecipe } from './images.ts';
import type { LayerEntry } from './layer.ts';
import { surroundingEntries } from './surroundings.ts';

/** What an image's layer holds; `built` says where its programs are on this machine. */
export async function imageEntries(
  recipe: ImageRecipe,
  built: ReadonlyMap<string, string>,
  rootfs: string,
): Promise<LayerEntry[]> {
  const programs = Object.entries(recipe.programs).map(([name, path]): LayerEntry => {
    const source = built.get(name);
    if (source === undefined) throw new Error(`${name} was not built`);
    const grants = recipe.capability?.program === name ? { capability: recipe.capability.bit } : {};
    return { type: 'file', path, mode: 0o755, source, ...grants };
  });
  const files = Object.entries(recipe.files ?? {}).map(
    ([path, content]): LayerEntry => ({ type: 'file', path, mode: 0o644, source: Buffer.from(content) }),
  );
  return [...programs, ...files, ...(await surroundingEntries(rootfs, recipe.surroundings))];
}
