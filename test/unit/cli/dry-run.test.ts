import { expect, test } from 'vitest';
import { refuseDryRunHere, refuseDryRunOf } from '../../../src/cli/dry-run.ts';
import { parseDocuments } from '../../../src/config/documents.ts';
import type { Documents } from '../../../src/config/schema.ts';

const document = (kind: string, dryRun: boolean): Documents =>
  parseDocuments(`apiVersion: kubeadm.k8s.io/v1beta4\nkind: ${kind}\ndryRun: ${dryRun}\n`, 'test');

test.each(['InitConfiguration', 'JoinConfiguration'])('no dry run of %s goes to other hosts', (kind) => {
  expect(() => refuseDryRunOf(document(kind, true))).toThrow('a dry run goes without SSH');
  expect(() => refuseDryRunOf(document(kind, false))).not.toThrow();
});

test('a verb without a dry run says so', () => {
  const verb = 'kadm node adopt';
  expect(() => refuseDryRunHere(verb, document('JoinConfiguration', true))).toThrow(
    'kadm node adopt has no dry run',
  );
  expect(() => refuseDryRunHere(verb, document('JoinConfiguration', false))).not.toThrow();
});
