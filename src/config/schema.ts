import { z } from 'zod';
import { kubeletFields, kubeProxyFields } from './component-fields.ts';
import {
  absolutePathSchema,
  caCertHashSchema,
  certificateKeySchema,
  domainSchema,
  endpointSchema,
  hostAddressSchema,
  notActedOn,
  onlyDefault,
  periodSchema,
  portSchema,
  repositorySchema,
  subjectNameSchema,
  tokenSchema,
} from './fields.ts';
import {
  bootstrapTokenSchema,
  componentSchema,
  criSocketSchema,
  etcdSchema,
  featureGatesSchema,
  imageSchema,
  initTimeoutsSchema,
  nodeRegistrationSchema,
  patchesSchema,
  resetTimeoutsSchema,
  timeoutsSchema,
} from './kubeadm-parts.ts';
import { nodeNameSchema } from './node-fields.ts';
import { bindPortSchema } from './ports.ts';
import { podSubnetSchema, serviceSubnetSchema } from './subnets.ts';

/** The schemas of the documents that `--config` takes. Strict: a field that kadm would not act on is an error. */

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const componentSourceSchema = z.discriminatedUnion('kind', [
  /** A folder with the layout of kadm's component store. */
  z.strictObject({ kind: z.literal('store'), path: z.string().startsWith('/') }),
  /** A digest-addressed server; the digests come with the configuration, never from the server. */
  z.strictObject({
    kind: z.literal('http'),
    url: z.url({ protocol: /^http$/ }),
    artifacts: z.array(
      z.strictObject({
        name: z.string(),
        version: z.string(),
        kind: z.enum(['binary', 'image']),
        sha256,
        size: z.number().int().positive(),
        image: z.strictObject({ name: z.string(), digest: z.string() }).optional(),
      }),
    ),
  }),
]);

/** How the pod network is made; `none` leaves it to somebody else. */
export const networkSchema = z.strictObject({
  backend: z.enum(['vxlan', 'host-gw', 'auto', 'none']).optional(),
  vni: z.number().int().min(1).max(16_777_215).optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  /** Move CNI configurations that come before ours aside, as Cilium's cni.exclusive does. */
  exclusive: z.boolean().optional(),
});
/** Labels and taints of a Node: an optional DNS prefix, and a name. */
const labelKey = z
  .string()
  .max(317)
  .regex(/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/, 'is not a label name');
const labelValue = z.string().regex(/^([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?$/, 'is not a label value');

export const clusterSchema = z.strictObject({
  apiVersion: z.literal('kadm.io/v1'),
  kind: z.literal('Cluster'),
  spec: z.strictObject({
    components: z.strictObject({ source: componentSourceSchema }).optional(),
    containerd: z
      .strictObject({
        /** For machines whose root lacks CAP_SYS_RESOURCE: containerd then keeps within its own limits. */
        restrictOOMScoreAdj: z.boolean().optional(),
      })
      .optional(),
    /** The machines of the cluster, for `kadm up`. */
    hosts: z
      .array(
        z.strictObject({
          /** A name or address for SSH; with a range such as 10.0.0.[11-40] it stands for many hosts. */
          address: z.string().min(1).max(260),
          role: z.enum(['control-plane', 'worker']).optional(),
          user: z.string().min(1).max(64).optional(),
          port: portSchema.optional(),
          identityFile: z.string().optional(),
          /** [user@]host[:port] of the host on the way; several separated by commas, the nearest first. */
          bastion: z.string().min(1).max(500).optional(),
          /** false: the user has root's rights as it is. */
          sudo: z.boolean().optional(),
          nodeName: z.optional(nodeNameSchema),
          /** Its address in the cluster, or the network interface that has it. */
          nodeIP: hostAddressSchema.optional(),
          interface: z
            .string()
            .regex(/^[^\s/]{1,15}$/, 'is not the name of a network interface')
            .optional(),
          labels: z.record(labelKey, labelValue).optional(),
          taints: z
            .array(
              z.strictObject({
                key: labelKey,
                value: labelValue.optional(),
                effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
              }),
            )
            .optional(),
          /** Fields of KubeletConfiguration for these hosts alone. */
          kubelet: z.strictObject(kubeletFields).optional(),
        }),
      )
      .max(5000)
      .optional(),
    network: networkSchema.optional(),
  }),
});

const KUBEADM_VERSION = 'kubeadm.k8s.io/v1beta4';

export const initConfigurationSchema = z.strictObject({
  apiVersion: z.literal(KUBEADM_VERSION),
  kind: z.literal('InitConfiguration'),
  bootstrapTokens: z
    .array(bootstrapTokenSchema)
    .refine(
      (tokens) => tokens.every(({ token }, index) => index === 0 || token !== undefined),
      'only the first may be left to be made up: give the others their token',
    )
    .optional(),
  certificateKey: certificateKeySchema.optional(),
  dryRun: z.boolean().optional(),
  localAPIEndpoint: z
    .strictObject({ advertiseAddress: hostAddressSchema.optional(), bindPort: bindPortSchema.optional() })
    .optional(),
  nodeRegistration: nodeRegistrationSchema.optional(),
  patches: patchesSchema.optional(),
  skipPhases: z.array(z.string()).optional(),
  timeouts: initTimeoutsSchema.optional(),
});

export const clusterConfigurationSchema = z.strictObject({
  apiVersion: z.literal(KUBEADM_VERSION),
  kind: z.literal('ClusterConfiguration'),
  kubernetesVersion: z.string().optional(),
  clusterName: z.string().min(1).optional(),
  controlPlaneEndpoint: z.union([endpointSchema, z.literal('')], 'is not HOST or HOST:PORT').optional(),
  certificatesDir: absolutePathSchema.optional(),
  caCertificateValidityPeriod: periodSchema.optional(),
  certificateValidityPeriod: periodSchema.optional(),
  encryptionAlgorithm: z.enum(['ECDSA-P256', 'ECDSA-P384', 'RSA-2048', 'RSA-3072', 'RSA-4096']).optional(),
  imageRepository: repositorySchema.optional(),
  featureGates: featureGatesSchema.optional(),
  networking: z
    .strictObject({
      podSubnet: podSubnetSchema.optional(),
      serviceSubnet: serviceSubnetSchema.optional(),
      dnsDomain: domainSchema.optional(),
    })
    .optional(),
  apiServer: componentSchema.extend({ certSANs: z.array(subjectNameSchema).optional() }).optional(),
  controllerManager: componentSchema.optional(),
  scheduler: componentSchema.optional(),
  etcd: etcdSchema.optional(),
  dns: imageSchema.extend({ disabled: z.boolean().optional() }).optional(),
  proxy: z.strictObject({ disabled: z.boolean().optional() }).optional(),
});

export const joinConfigurationSchema = z.strictObject({
  apiVersion: z.literal(KUBEADM_VERSION),
  kind: z.literal('JoinConfiguration'),
  caCertPath: onlyDefault('/etc/kubernetes/pki/ca.crt', 'the kubelet and the agent read it there'),
  /** Even when it is empty it says that the host joins as a control plane. */
  controlPlane: z
    .strictObject({
      localAPIEndpoint: z
        .strictObject({ advertiseAddress: hostAddressSchema.optional(), bindPort: bindPortSchema.optional() })
        .optional(),
      certificateKey: certificateKeySchema.optional(),
    })
    .optional(),
  discovery: z
    .strictObject({
      bootstrapToken: z
        .strictObject({
          apiServerEndpoint: endpointSchema,
          token: tokenSchema,
          caCertHashes: z.array(caCertHashSchema).optional(),
          unsafeSkipCAVerification: z.boolean().optional(),
        })
        .optional(),
      file: z
        .strictObject({
          kubeConfigPath: z
            .string()
            .regex(/^(file:\/\/)?\//, 'kadm reads a file of this host: /path/to/kubeconfig'),
        })
        .optional(),
      tlsBootstrapToken: tokenSchema.optional(),
    })
    .refine(
      ({ bootstrapToken, file }) => bootstrapToken === undefined || file === undefined,
      'goes by a token or by a file, not by both',
    )
    .optional(),
  dryRun: z.boolean().optional(),
  nodeRegistration: nodeRegistrationSchema.optional(),
  patches: patchesSchema.optional(),
  skipPhases: z.array(z.string()).optional(),
  timeouts: timeoutsSchema.optional(),
});

export const resetConfigurationSchema = z.strictObject({
  apiVersion: z.literal(KUBEADM_VERSION),
  kind: z.literal('ResetConfiguration'),
  certificatesDir: onlyDefault(
    '/etc/kubernetes/pki',
    'the record of the host says where its certificates are',
  ),
  cleanupTmpDir: onlyDefault(false, 'it keeps nothing in /etc/kubernetes/tmp'),
  criSocket: criSocketSchema.optional(),
  dryRun: z.boolean().optional(),
  force: z.boolean().optional(),
  ignorePreflightErrors: z.array(z.string()).optional(),
  skipPhases: z.array(z.string()).optional(),
  timeouts: resetTimeoutsSchema.optional(),
  unmountFlags: notActedOn('it unmounts what is busy in its own way'),
});

/** The names of the fields are checked here, what they hold by the kubelet and kube-proxy themselves. */
export const kubeletConfigurationSchema = z.strictObject({
  apiVersion: z.literal('kubelet.config.k8s.io/v1beta1'),
  kind: z.literal('KubeletConfiguration'),
  ...kubeletFields,
});

export const kubeProxyConfigurationSchema = z.strictObject({
  apiVersion: z.literal('kubeproxy.config.k8s.io/v1alpha1'),
  kind: z.literal('KubeProxyConfiguration'),
  ...kubeProxyFields,
});

export const documentSchemas = {
  Cluster: clusterSchema,
  InitConfiguration: initConfigurationSchema,
  ClusterConfiguration: clusterConfigurationSchema,
  JoinConfiguration: joinConfigurationSchema,
  ResetConfiguration: resetConfigurationSchema,
  KubeletConfiguration: kubeletConfigurationSchema,
  KubeProxyConfiguration: kubeProxyConfigurationSchema,
} as const;

export type DocumentKind = keyof typeof documentSchemas;
export type Documents = { readonly [K in DocumentKind]?: z.infer<(typeof documentSchemas)[K]> };
export type ComponentSourceSettings = z.infer<typeof componentSourceSchema>;
