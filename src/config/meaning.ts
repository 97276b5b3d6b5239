import { UserError } from '../errors.ts';
import { hostEntries } from './hosts.ts';
import { joinSettings } from './join-settings.ts';
import type { Documents } from './schema.ts';
import { initSettings } from './settings.ts';

/** A host of which nothing is known; its address is one of the documentation's (RFC 5737). */
const SOME_HOST = { hostname: 'node', defaultAddress: '192.0.2.1' };

/** What fields that are each right say together and what cannot be, a line a problem. */
export function meaningProblems(documents: Documents, defaultVersion: string): string[] {
  const checks = [
    () => initSettings({}, documents, SOME_HOST, defaultVersion),
    () => hostEntries(documents),
    ...(documents.JoinConfiguration?.discovery === undefined
      ? []
      : [() => joinSettings({}, documents, SOME_HOST)]),
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
