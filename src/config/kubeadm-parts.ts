import { z } from 'zod';
import {
  absolutePathSchema,
  durationSchema,
  onlyDuration,
  repositorySchema,
  subjectNameSchema,
  tagSchema,
  tokenSchema,
} from './fields.ts';
import { nodeNameSchema } from './node-fields.ts';

/** Parts that kubeadm's documents share (kubeadm.k8s.io/v1beta4). */

const LIST =
  'has to be a list of name and value since v1beta4: kadm config migrate makes one of the mapping of v1beta3';

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const extraArgs = z.array(
  z.strictObject({
    name: z.string().regex(/^[a-zA-Z0-9][\w.-]*$/, 'is not the name of a flag, without its dashes'),
    value: z.string(),
  }),
  { error: ({ input }) => (isMapping(input) ? LIST : undefined) },
);

const UNREADABLE = 'a static pod cannot read ConfigMaps and Secrets of the cluster';

const extraEnvs = z.array(
  z
    .strictObject({
      name: z
        .string()
        .min(1)
        .regex(/^[^=\s]+$/, 'is not the name of a variable'),
      value: z.string().optional(),
      valueFrom: z
        .strictObject({
          fieldRef: z
            .strictObject({ apiVersion: z.string().default('v1'), fieldPath: z.string() })
            .optional(),
          resourceFieldRef: z
            .strictObject({
              containerName: z.string().optional(),
              resource: z.string(),
              divisor: z.string().optional(),
            })
            .optional(),
          configMapKeyRef: z.never(UNREADABLE).optional(),
          secretKeyRef: z.never(UNREADABLE).optional(),
          fileKeyRef: z.never(UNREADABLE).optional(),
        })
        .optional(),
    })
    .refine(
      ({ value, valueFrom }) => value === undefined || valueFrom === undefined,
      'has both value and valueFrom',
    ),
);

const extraVolumes = z.array(
  z.strictObject({
    name: z
      .string()
      .max(63)
      .regex(
        /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
        'is not the name of a volume: small letters, digits and - only',
      ),
    hostPath: absolutePathSchema,
    mountPath: absolutePathSchema,
    readOnly: z.boolean().optional(),
    pathType: z
      .enum([
        '',
        'DirectoryOrCreate',
        'Directory',
        'FileOrCreate',
        'File',
        'Socket',
        'CharDevice',
        'BlockDevice',
      ])
      .optional(),
  }),
);

export const componentSchema = z.strictObject({
  extraArgs: extraArgs.optional(),
  extraVolumes: extraVolumes.optional(),
  extraEnvs: extraEnvs.optional(),
});

export const imageSchema = z.strictObject({
  imageRepository: repositorySchema.optional(),
  imageTag: tagSchema.optional(),
});

const localEtcd = imageSchema.extend({
  dataDir: absolutePathSchema.optional(),
  extraArgs: extraArgs.optional(),
  extraEnvs: extraEnvs.optional(),
  serverCertSANs: z.array(subjectNameSchema).optional(),
  peerCertSANs: z.array(subjectNameSchema).optional(),
});

const etcdUrl = z.url({ protocol: /^https?$/, error: 'is not a URL such as https://10.0.0.5:2379' });

const emptyOrPath = z.union([absolutePathSchema, z.literal('')], 'is not a path from the root on');

const externalEtcd = z
  .strictObject({
    endpoints: z.array(etcdUrl).min(1, 'names no endpoint'),
    httpEndpoints: z.array(etcdUrl).optional(),
    caFile: emptyOrPath.optional(),
    certFile: emptyOrPath.optional(),
    keyFile: emptyOrPath.optional(),
  })
  .refine(
    ({ certFile, keyFile }) =>
      ((certFile || undefined) === undefined) === ((keyFile || undefined) === undefined),
    {
      message: 'certFile and keyFile go together',
    },
  )
  .refine(
    ({ endpoints, caFile }) => !caFile || endpoints.every((url) => url.startsWith('https:')),
    'caFile is given, so each endpoint has to begin with https:',
  );

export const etcdSchema = z
  .strictObject({ local: localEtcd.optional(), external: externalEtcd.optional() })
  .refine(
    ({ local, external }) => local === undefined || external === undefined,
    'is either local or external',
  );

export const taintSchema = z.strictObject({
  key: z.string().regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$/, 'is not the key of a taint'),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
});

export type Taint = z.infer<typeof taintSchema>;

/** The socket of the containerd that kadm installs, as people write it. */
const CRI_SOCKETS = ['unix:///run/containerd/containerd.sock', 'unix:///var/run/containerd/containerd.sock'];

const SOCKETS = [...CRI_SOCKETS, ...CRI_SOCKETS.map((socket) => socket.replace('unix://', ''))];

const OTHER_RUNTIME = `is another runtime’s: kadm installs containerd at ${CRI_SOCKETS[0]}, and uses no other`;

export const criSocketSchema = z.enum(SOCKETS, OTHER_RUNTIME);

/** As KubeletConfiguration has it; empty is not given, which `kubeadm config print` writes. */
export const runtimeEndpointSchema = z.enum(['', ...SOCKETS], OTHER_RUNTIME);

export const nodeRegistrationSchema = z.strictObject({
  name: z.optional(nodeNameSchema),
  criSocket: criSocketSchema.optional(),
  taints: z.array(taintSchema).optional(),
  kubeletExtraArgs: extraArgs.optional(),
  ignorePreflightErrors: z.array(z.string()).optional(),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  imagePullSerial: z.boolean().optional(),
});

export const patchesSchema = z.strictObject({ directory: absolutePathSchema.optional() });

export const timeoutsSchema = z.strictObject({
  controlPlaneComponentHealthCheck: durationSchema.optional(),
  kubeletHealthCheck: durationSchema.optional(),
  kubernetesAPICall: durationSchema.optional(),
  tlsBootstrap: durationSchema.optional(),
  discovery: durationSchema.optional(),
  etcdAPICall: durationSchema.optional(),
  upgradeManifests: onlyDuration('5m0s', 'it does not upgrade yet'),
});

/** In init the kubelet has no wait of its own. */
export const initTimeoutsSchema = timeoutsSchema.extend({
  etcdAPICall: onlyDuration('2m0s', 'init does not call etcd itself'),
  kubeletHealthCheck: onlyDuration(
    '4m0s',
    'the wait for the control plane holds the wait for the kubelet: controlPlaneComponentHealthCheck',
  ),
});

/** Reset waits for nothing that these bound. */
export const resetTimeoutsSchema = timeoutsSchema.extend({
  kubernetesAPICall: onlyDuration('1m0s', 'reset asks nothing of the API on the host itself'),
});

/** A join token, with what it is good for. */
export const bootstrapTokenSchema = z.strictObject({
  token: tokenSchema.optional(),
  description: z.string().optional(),
  ttl: durationSchema.optional(),
  expires: z.iso.datetime({ offset: true, error: 'is not a time such as 2030-01-31T12:00:00Z' }).optional(),
  usages: z.array(z.enum(['signing', 'authentication'])).optional(),
  groups: z
    .array(
      z
        .string()
        .regex(
          /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/,
          'is not a group that begins with system:bootstrappers:',
        ),
    )
    .optional(),
});

/** kubeadm's own switches of 1.36 (cmd/kubeadm/app/features): those of components go into extraArgs. */
export const featureGatesSchema = z.strictObject({
  NodeLocalCRISocket: z
    .literal(true, 'is always on: each node has the socket in its own configuration')
    .optional(),
  PublicKeysECDSA: z.boolean().optional(),
  RootlessControlPlane: z
    .literal(false, 'kadm does not act on this: the components of the control plane run as root')
    .optional(),
});
