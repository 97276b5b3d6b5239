import { type Desired, ROUTE_PROTOCOL } from '../cni/desired.ts';

/** Lines of `ip -details monitor label` about entries of peers: routes, neighbours, and with NOARP forwarding entries. */
const ROUTE =
  /^\[ROUTE\](Deleted )?unicast (\S+) via (\S+) dev (\S+) table main proto (\d+) scope global( onlink)? *$/;
const NEIGHBOUR = /^\[NEIGH\](Deleted )?(\S+) dev (\S+) (?:lladdr (\S+) (NOARP )?PERMANENT|FAILED) *$/;

/** What peers need in the kernel. */
export type WantedEntries = Pick<Desired, 'tunnelDevice' | 'link' | 'routes' | 'neighbours' | 'fdb'>;

/** Whether the kernel's news is of a route to the pods of a peer, whoever made it: it may have taken the place of ours. */
export function isRouteToPeer(line: string, desired: WantedEntries | undefined): boolean {
  const dst = /^\[ROUTE\](?:Deleted )?unicast (\S+) /.exec(line)?.[1];
  return dst !== undefined && desired?.routes.has(dst) === true;
}

/**
 * Whether the kernel's news is of an entry that is now just as it is wanted: mostly what the agent has done itself, of
 * which to look at the whole kernel again would only cost.
 */
export function tellsWhatIsWanted(line: string, desired: WantedEntries | undefined): boolean {
  if (desired === undefined) return false;
  const route = ROUTE.exec(line);
  if (route !== null) {
    const [, deleted, dst = '', gateway, device, protocol, onlink] = route;
    if (protocol !== String(ROUTE_PROTOCOL)) return false;
    const wanted = desired.routes.get(dst);
    const same =
      wanted?.gateway === gateway && wanted?.device === device && wanted?.onlink === (onlink !== undefined);
    return same === (deleted === undefined);
  }
  const [, deleted, address = '', device, mac = '', forwarding] = NEIGHBOUR.exec(line) ?? [];
  if (device !== desired.tunnelDevice || desired.link === undefined) return false;
  const gone = deleted !== undefined || mac === '';
  if (forwarding !== undefined) return (desired.fdb.get(mac) === address) === !gone;
  const wanted = desired.neighbours.get(address);
  return gone ? wanted === undefined : wanted === mac;
}
