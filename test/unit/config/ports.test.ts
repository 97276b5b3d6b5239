import { expect, it } from 'vitest';
import { AGENT_PORT } from '../../../src/agent/port.ts';
import { bindPortSchema } from '../../../src/config/ports.ts';
import { firstIssue } from '../../../src/config/values.ts';

function problemOf(port: number): string | undefined {
  const { error } = bindPortSchema.safeParse(port);
  return error && firstIssue(error);
}

it('the API server has a port of its own', () => {
  expect(problemOf(10_250)).toBe('10250 is the port of the kubelet: choose another, such as 6443');
  expect(problemOf(2379)).toContain('is the port of etcd:');
  expect(problemOf(10_249)).toContain('is the port of kube-proxy’s metrics');
  expect(problemOf(AGENT_PORT)).toContain('is the port of kadm’s agent');
  for (const port of [443, 6443, 7443, 10_255]) expect(problemOf(port)).toBeUndefined();
});
