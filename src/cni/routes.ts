import { type Actual, isOurs } from './actual.ts';
import { type Desired, ROUTE_PROTOCOL } from './desired.ts';
import type { Step } from './diff.ts';
import { ip } from './steps.ts';

const PROTOCOL = String(ROUTE_PROTOCOL);

/**
 * What is removed before, and what is added after the device is as it should be.
 * @param fresh whether the tunnel is made anew, and what was on it gone
 * @param conflicts gets a line for each route of another program that is in the way
 */
export function routeSteps(
  { tunnelDevice, routes }: Desired,
  actual: Actual,
  fresh: boolean,
  conflicts: string[],
): { remove: Step[]; add: Step[] } {
  const remove: Step[] = [];
  /** Destinations that have a route of ours, and whether it is the right one. */
  const present = new Map<string, boolean>();
  const foreign = new Map<string, string>();
  for (const route of actual.routes) {
    // Deleting the device takes its routes along.
    if (fresh && route.device === tunnelDevice) continue;
    if (!isOurs(route)) {
      if (route.metric === 0) foreign.set(route.dst, route.device ?? 'no device');
      continue;
    }
    const wanted = routes.get(route.dst);
    const right = wanted !== undefined && route.gateway === wanted.gateway && route.device === wanted.device;
    // A wrong one of the same key is replaced in one go, so that no packet finds none.
    if (wanted !== undefined && route.metric === 0 && !present.has(route.dst)) present.set(route.dst, right);
    else remove.push(ip('route', 'route', 'delete', route.dst, ...viaOf(route), 'proto', PROTOCOL));
  }
  const add: Step[] = [];
  for (const [dst, { gateway, device, onlink }] of routes) {
    if (present.get(dst) === true) continue;
    const holder = foreign.get(dst);
    if (holder !== undefined) {
      conflicts.push(`another program's route to ${dst} by ${holder} is in the way`);
      continue;
    }
    const way = ['via', gateway, 'dev', device, ...(onlink ? ['onlink'] : [])];
    add.push(ip('route', 'route', 'replace', dst, ...way, 'proto', PROTOCOL));
  }
  return { remove, add };
}

function viaOf({ gateway, device, metric }: Actual['routes'][number]): string[] {
  return [
    ...(gateway === undefined ? [] : ['via', gateway]),
    ...(device === undefined ? [] : ['dev', device]),
    ...(metric === 0 ? [] : ['metric', String(metric)]),
  ];
}
