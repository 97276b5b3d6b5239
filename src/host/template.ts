import { Eta } from 'eta';

/**
 * Renders a template of templates/ to YAML: each `<%= value %>` becomes a JSON scalar, which YAML reads as
 * exactly that value, so that no value can change the document's structure.
 */
export function renderYaml(template: string, data: object): string {
  return render(template, data, (value) => JSON.stringify(value));
}

/** Renders a template of templates/ whose values are words that were checked before. */
export function renderText(template: string, data: object): string {
  return render(template, data, String);
}

function render(template: string, data: object, escapeFunction: (value: unknown) => string): string {
  const eta = new Eta({ autoEscape: true, autoTrim: false, escapeFunction });
  return eta.renderString(template, data);
}
