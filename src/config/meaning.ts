import { UserError } from '../errors.ts';
import { FAMILY, primaryFamily } from './family.ts';
import { hostEntries } from './hosts.ts';
import { joinSettings } from './join-settings.ts';
import type { Documents } from './schema.ts';
import { initSettings } from './settings.ts';

/** A host of which nothing is known but that it has an address of the cluster's primary family. */
export function someHost({ ClusterConfiguration }: Documents): { hostname: string; defaultAddress: string } {
  const family = primaryFamily(ClusterConfiguration?.networking?.serviceSubnet);
  return { hostname: 'node', defaultAddress: FAMILY[family].anywhere };
}

/** What fields that are each right say together and what cannot be, a line a problem. */
export function meaningProblems(documents: Documents, defaultVersion: string): string[] {
  const host = someHost(documents);
  const checks = [
    () => initSettings({}, documents, host, defaultVersion),
    () => hostEntries(documents),
    ...(documents.JoinConfiguration?.discovery === undefined
      ? []
      : [() => joinSettings({}, documents, host)]),
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [error.remedy === undefined ? error.message : `${error.message}: ${error.remedy}`];
    }
  });
}
