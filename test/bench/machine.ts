import { cpus, release, totalmem } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import type { Machine } from './report.ts';

export function thisMachine(now: Date): Machine {
  const processors = cpus();
  return {
    date: now.toISOString().slice(0, 10),
    kadm: packageJson.version,
    cores: processors.length,
    processor: processors[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
  };
}
