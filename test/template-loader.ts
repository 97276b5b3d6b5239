import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isTemplate, templateModule } from '../src/build/templates.ts';

// Gives plain `node --import` the text imports that the build inlines into the executable.
registerHooks({
  load: (url, context, next) => {
    if (!url.startsWith('file:') || !isTemplate(fileURLToPath(url))) return next(url, context);
    return { format: 'module', source: templateModule(fileURLToPath(url)), shortCircuit: true };
  },
});
