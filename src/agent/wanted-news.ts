import { type Desired, type FamilyNetwork, ROUTE_PROTOCOL } from '../cni/desired.ts';
import { familyOf, hostNetwork } from '../config/family.ts';

/** Lines of `ip -details monitor label` about entries of peers: routes, neighbours, and with NOARP forwarding entries. */
const ROUTE =
  /^\[ROUTE\](Deleted )?unicast (\S+)(?: via (\S+))? dev (\S+) table main proto (\d+) scope global(?: metric \d+)?( onlink)?(?: pref medium)? *$/;
const NEIGHBOUR = /^\[NEIGH\](Deleted )?(\S+) dev (\S+) (?:lladdr (\S+) (NOARP )?PERMANENT|FAILED) *$/;

/** What peers need in the kernel. */
export type WantedEntries = Pick<Desired, 'networks'>;

/**
 * Whether the kernel's news is of a route to the pods of this node or of a peer, whoever made it: it may have taken the
 * place of the right one.
 */
export function isRouteToPods(line: string, desired: WantedEntries | undefined): boolean {
  const dst = /^\[ROUTE\](?:Deleted )?unicast (\S+) /.exec(line)?.[1];
  return (
    dst !== undefined &&
    desired?.networks.some(({ routes, podCidr }) => routes.has(dst) || podCidr.text === dst) === true
  );
}

/**
 * Whether the kernel's news is of an entry that is now just as it is wanted: mostly what the agent has done itself, of
 * which to look at the whole kernel again would only cost.
 */
export function tellsWhatIsWanted(line: string, desired: WantedEntries | undefined): boolean {
  if (desired === undefined) return false;
  const route = ROUTE.exec(line);
  if (route !== null) {
    const [, deleted, text = '', gateway, device, protocol, onlink] = route;
    if (protocol !== String(ROUTE_PROTOCOL)) return false;
    const dst = text.includes('/') ? text : hostNetwork(text);
    const family = familyOf(dst.slice(0, dst.indexOf('/')));
    const wanted = desired.networks.find((one) => one.family === family)?.routes.get(dst);
    const same =
      wanted !== undefined &&
      wanted.gateway === gateway &&
      wanted.device === device &&
      wanted.onlink === (onlink !== undefined);
    return same === (deleted === undefined);
  }
  const neighbour = NEIGHBOUR.exec(line);
  const network = desired.networks.find(({ tunnelDevice }) => tunnelDevice === neighbour?.[3]);
  return neighbour !== null && network?.link !== undefined && isWantedNeighbour(neighbour, network);
}

function isWantedNeighbour(match: RegExpExecArray, { fdb, neighbours }: FamilyNetwork): boolean {
  const [, deleted, address = '', , mac = '', forwarding] = match;
  const gone = deleted !== undefined || mac === '';
  if (forwarding !== undefined) return (fdb.get(mac) === address) === !gone;
  const wanted = neighbours.get(address);
  return gone ? wanted === undefined : wanted === mac;
}
