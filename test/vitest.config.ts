import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { isTemplate, templateModule } from '../src/build/templates.ts';

/** Gives tests the same text imports that the build inlines into the executable. */
const templates = {
  name: 'kadm-templates',
  enforce: 'pre' as const,
  load: (id: string) => (isTemplate(id) ? templateModule(id) : undefined),
};

export default defineConfig({
  plugins: [templates],
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 5_000,
          // Left alone, Vitest keeps one processor free: of two that is half of them.
          maxWorkers: availableParallelism(),
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          // Lab hosts share one kernel and two cores: files run one after the other.
          fileParallelism: false,
          globalSetup: 'test/lab/support/around-run.ts',
        },
      },
    ],
  },
});
