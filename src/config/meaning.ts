import { UserError } from '../errors.ts';
import { DEFAULTS } from './defaults.ts';
import { type Configuration, nameOf } from './documents.ts';
import type { Path } from './explain.ts';
import { COMPONENT_PATHS, checkExtraArgs } from './extra-args.ts';
import { FAMILY, primaryFamily } from './family.ts';
import { hostEntries } from './hosts.ts';
import { joinSettings } from './join-settings.ts';
import { networksFrom } from './networks.ts';
import { nodeSettings } from './node-settings.ts';
import type { DocumentKind, Documents } from './schema.ts';
import { certificateValidity, initSettings } from './settings.ts';

/** A host of which nothing is known but that it has an address of the cluster's primary family. */
export function someHost({ ClusterConfiguration }: Documents): { hostname: string; defaultAddress: string } {
  const family = primaryFamily(ClusterConfiguration?.networking?.serviceSubnet);
  return { hostname: 'node', defaultAddress: FAMILY[family].anywhere };
}

/** What others know of what there is. Each throws UserError (usage) for what there is not. */
export interface Known {
  readonly defaultVersion: string;
  readonly version: (text: string) => void;
  readonly phase: (
    kind: 'InitConfiguration' | 'JoinConfiguration' | 'ResetConfiguration',
    name: string,
  ) => void;
}

type Place = readonly [DocumentKind, ...Path];

interface Check {
  /** Where what is checked is said: the one is shown that the message names, else the first that the file has. */
  readonly places: readonly Place[];
  /** It goes by these documents as well: there is no telling while they are not valid themselves. */
  readonly by?: readonly DocumentKind[];
  readonly run: () => void;
}

/** What fields that are each right say together and what cannot be, and names of things that there are not: a line a problem. */
export function meaningProblems({ documents, where }: Configuration, known: Known): string[] {
  const told = new Set<string>();
  return checksOf(documents, known).flatMap(({ places, by = [], run }) => {
    if (by.some((kind) => documents[kind] === undefined && where(kind) !== undefined)) return [];
    try {
      run();
      return [];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (told.has(error.message)) return [];
      told.add(error.message);
      const given = places.filter((one) => where(...one) !== undefined);
      const place = given.find(([kind, ...path]) => error.message.startsWith(nameOf(kind, path))) ?? given[0];
      return [[placed(error.message, place, where), error.remedy].filter(Boolean).join(': ')];
    }
  });
}

function placed(message: string, place: Place | undefined, where: Configuration['where']): string {
  if (place === undefined) return message;
  const [kind, ...path] = place;
  const name = nameOf(kind, path);
  return `${where(...place)}: ${message.startsWith(name) ? '' : `${name}: `}${message}`;
}

function checksOf(documents: Documents, known: Known): Check[] {
  const { InitConfiguration: init, ClusterConfiguration: cluster, JoinConfiguration: join } = documents;
  const host = someHost(documents);
  const address = init?.localAPIEndpoint?.advertiseAddress ?? host.defaultAddress;
  const all = ['Cluster', 'InitConfiguration', 'ClusterConfiguration'] as const;
  return [
    // First, for others go by the hosts too.
    { places: [['Cluster', 'spec', 'hosts']], run: () => void hostEntries(documents) },
    {
      places: [['ClusterConfiguration', 'kubernetesVersion']],
      run: () => known.version(cluster?.kubernetesVersion ?? known.defaultVersion),
    },
    {
      places: [
        ['InitConfiguration', 'localAPIEndpoint', 'advertiseAddress'],
        ['ClusterConfiguration', 'networking', 'podSubnet'],
        ['ClusterConfiguration', 'networking', 'serviceSubnet'],
        ['ClusterConfiguration', 'networking'],
        ['ClusterConfiguration', 'controllerManager', 'extraArgs'],
        ['Cluster', 'spec', 'network', 'vni'],
      ],
      by: all,
      run: () => void networksFrom({}, documents, address),
    },
    ...COMPONENT_PATHS.map((path) => ({
      places: [['ClusterConfiguration', ...path, 'extraArgs']] as const,
      by: all,
      run: () => {
        const apiPort = init?.localAPIEndpoint?.bindPort ?? DEFAULTS.apiPort;
        checkExtraArgs(path, { flags: {}, documents, apiPort, ...networksFrom({}, documents, address) });
      },
    })),
    {
      places: [
        ['ClusterConfiguration', 'certificateValidityPeriod'],
        ['ClusterConfiguration', 'caCertificateValidityPeriod'],
      ],
      run: () => void certificateValidity(cluster),
    },
    {
      places: [['InitConfiguration', 'nodeRegistration']],
      run: () => void nodeSettings({}, documents, init, host, []),
    },
    {
      places: [['JoinConfiguration', 'nodeRegistration']],
      run: () => void nodeSettings({}, documents, join, host, []),
    },
    ...(join?.discovery === undefined
      ? []
      : [
          {
            places: [['JoinConfiguration', 'discovery']] as const,
            run: () => void joinSettings({}, documents, host),
          },
        ]),
    ...(['InitConfiguration', 'JoinConfiguration', 'ResetConfiguration'] as const).flatMap((kind) =>
      (documents[kind]?.skipPhases ?? []).map((name, index) => ({
        places: [[kind, 'skipPhases', index]] as const,
        run: () => known.phase(kind, name),
      })),
    ),
    // Whatever init itself would refuse beyond these.
    {
      places: all.map((kind) => [kind] as const),
      by: all,
      run: () => void initSettings({}, documents, host, known.defaultVersion),
    },
  ];
}
