import { parseAllDocuments } from 'yaml';
import { renderYaml } from '../host/template.ts';

/** The objects of a template of templates/objects, its values filled in. */
export function renderManifest(template: string, data: object): object[] {
  return parseAllDocuments(renderYaml(template, data)).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() as object;
  });
}
