import { FAMILY } from '../config/family.ts';
import { type FamilyState, isOurs } from './actual.ts';
import { type FamilyNetwork, ROUTE_PROTOCOL } from './desired.ts';
import type { Step } from './diff.ts';
import { ip } from './steps.ts';

const PROTOCOL = String(ROUTE_PROTOCOL);

/**
 * What is removed before, and what is added after the device is as it should be.
 * @param fresh whether the tunnel is made anew, and what was on it gone
 * @param conflicts gets a line for each route of another program that is in the way
 */
export function routeSteps(
  { family, tunnelDevice, routes }: FamilyNetwork,
  actual: FamilyState,
  fresh: boolean,
  conflicts: string[],
): { remove: Step[]; add: Step[] } {
  const { metric: usual } = FAMILY[family];
  const remove: Step[] = [];
  /** Destinations that have a route of ours, and whether it is the right one. */
  const present = new Map<string, boolean>();
  /** What is said of a destination that a route of another program has. */
  const foreign = new Map<string, string>();
  for (const route of actual.routes) {
    // Deleting the device takes its routes along.
    if (fresh && route.device === tunnelDevice) continue;
    if (!isOurs(route)) {
      // One of a higher metric is passed over for ours.
      if (route.metric <= usual) foreign.set(route.dst, routeInTheWay(route.dst, route.device));
      continue;
    }
    const wanted = routes.get(route.dst);
    const right = wanted !== undefined && route.gateway === wanted.gateway && route.device === wanted.device;
    // A wrong one of the same key is replaced in one go, so that no packet finds none.
    if (wanted !== undefined && route.metric === usual && !present.has(route.dst))
      present.set(route.dst, right);
    else remove.push(ip('route', 'route', 'delete', route.dst, ...viaOf(route, usual), 'proto', PROTOCOL));
  }
  const add: Step[] = [];
  for (const [dst, { gateway, device, onlink }] of routes) {
    if (present.get(dst) === true) continue;
    const conflict = foreign.get(dst);
    if (conflict !== undefined) {
      conflicts.push(conflict);
      continue;
    }
    const words = ['route', 'replace', dst];
    if (gateway !== undefined) words.push('via', gateway);
    words.push('dev', device);
    if (onlink) words.push('onlink');
    words.push('proto', PROTOCOL);
    add.push({ tool: 'ip', kind: 'route', words });
  }
  return { remove, add };
}

/** In words for a log. */
export function routeInTheWay(dst: string, device: string | undefined): string {
  return `another program's route to ${dst} by ${device ?? 'no device'} is in the way`;
}

function viaOf({ gateway, device, metric }: FamilyState['routes'][number], usual: number): string[] {
  return [
    ...(gateway === undefined ? [] : ['via', gateway]),
    ...(device === undefined ? [] : ['dev', device]),
    ...(metric === usual ? [] : ['metric', String(metric)]),
  ];
}
