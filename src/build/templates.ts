import { readFileSync } from 'node:fs';

/** Endings of the files under templates/ that modules import as text. */
export const TEMPLATE_ENDINGS = ['.yaml', '.toml', '.service', '.eta', '.bash', '.zsh', '.fish'] as const;

export function isTemplate(path: string): boolean {
  return path.includes('/templates/') && TEMPLATE_ENDINGS.some((ending) => path.endsWith(ending));
}

/** The JavaScript module that stands for one template file. */
export function templateModule(path: string): string {
  return `export default ${JSON.stringify(readFileSync(path, 'utf8'))};`;
}
