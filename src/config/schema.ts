import { isIP } from 'node:net';
import { z } from 'zod';
import { parseCidr } from './cidr.ts';

/** The schemas of the documents that `--config` takes. Strict: a field that kadm would not act on is an error. */

const address = z.string().refine((text) => isIP(text) !== 0, 'is not an IP address');

/** RFC 1123 subdomain, what Kubernetes asks of a node's name. */
export const nodeNameSchema = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'is not a node name: small letters, digits, - and . only',
  );

export const endpointSchema = z
  .string()
  .max(260)
  .regex(/^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9.-]+)(:[0-9]{1,5})?$/, 'is not HOST or HOST:PORT');

/** One CIDR, or two of different families, separated by a comma (dual-stack). */
export const cidrListSchema = z.string().superRefine((text, context) => {
  try {
    const cidrs = text.split(',').map((part) => parseCidr(part.trim()));
    if (cidrs.length > 2 || (cidrs.length === 2 && cidrs[0]?.family === cidrs[1]?.family)) {
      context.addIssue({ code: 'custom', message: 'holds more than one CIDR of a family' });
    }
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
  }
});

const extraArgs = z.array(z.strictObject({ name: z.string(), value: z.string() }));

const nodeRegistration = z.strictObject({
  name: nodeNameSchema.optional(),
  kubeletExtraArgs: extraArgs.optional(),
  ignorePreflightErrors: z.array(z.string()).optional(),
});

/** Durations as Go writes them, longer than nothing. */
const period = z
  .string()
  .regex(/^(?=.*[1-9])(\d+h)?(\d+m)?(\d+s)?$/, 'is not a duration such as 8760h or 90m');

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
          port: z.number().int().min(1).max(65_535).optional(),
          identityFile: z.string().optional(),
          /** [user@]host[:port] of the host on the way; several separated by commas, the nearest first. */
          bastion: z.string().min(1).max(500).optional(),
          /** false: the user has root's rights as it is. */
          sudo: z.boolean().optional(),
          nodeName: nodeNameSchema.optional(),
          /** Its address in the cluster, or the network interface that has it. */
          nodeIP: address.optional(),
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
          kubelet: z.record(z.string(), z.unknown()).optional(),
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
    .array(
      z.strictObject({ token: z.string(), ttl: z.string().optional(), description: z.string().optional() }),
    )
    .max(1)
    .optional(),
  localAPIEndpoint: z
    .strictObject({
      advertiseAddress: address.optional(),
      bindPort: z.number().int().min(1).max(65_535).optional(),
    })
    .optional(),
  nodeRegistration: nodeRegistration.optional(),
  skipPhases: z.array(z.string()).optional(),
});

const component = z.strictObject({ extraArgs: extraArgs.optional() });

export const clusterConfigurationSchema = z.strictObject({
  apiVersion: z.literal(KUBEADM_VERSION),
  kind: z.literal('ClusterConfiguration'),
  kubernetesVersion: z.string().optional(),
  clusterName: z.string().optional(),
  controlPlaneEndpoint: endpointSchema.optional(),
  certificatesDir: z.literal('/etc/kubernetes/pki').optional(),
  caCertificateValidityPeriod: period.optional(),
  certificateValidityPeriod: period.optional(),
  encryptionAlgorithm: z.enum(['ECDSA-P256', 'ECDSA-P384', 'RSA-2048', 'RSA-3072', 'RSA-4096']).optional(),
  imageRepository: z.literal('registry.k8s.io').optional(),
  networking: z
    .strictObject({
      podSubnet: cidrListSchema.optional(),
      serviceSubnet: cidrListSchema.optional(),
      dnsDomain: z.string().optional(),
    })
    .optional(),
  apiServer: component.extend({ certSANs: z.array(z.string()).optional() }).optional(),
  controllerManager: component.optional(),
  scheduler: component.optional(),
});

export const joinConfigurationSchema = z.strictObject({
  apiVersion: z.literal(KUBEADM_VERSION),
  kind: z.literal('JoinConfiguration'),
  discovery: z
    .strictObject({
      bootstrapToken: z.strictObject({
        apiServerEndpoint: endpointSchema,
        token: z.string(),
        caCertHashes: z.array(z.string()).optional(),
        unsafeSkipCAVerification: z.boolean().optional(),
      }),
    })
    .optional(),
  nodeRegistration: nodeRegistration.optional(),
  skipPhases: z.array(z.string()).optional(),
});

/** Passed on to the component as they are; the kubelet and kube-proxy check them strictly themselves. */
export const kubeletConfigurationSchema = z.looseObject({
  apiVersion: z.literal('kubelet.config.k8s.io/v1beta1'),
  kind: z.literal('KubeletConfiguration'),
});

export const kubeProxyConfigurationSchema = z.looseObject({
  apiVersion: z.literal('kubeproxy.config.k8s.io/v1alpha1'),
  kind: z.literal('KubeProxyConfiguration'),
});

export const documentSchemas = {
  Cluster: clusterSchema,
  InitConfiguration: initConfigurationSchema,
  ClusterConfiguration: clusterConfigurationSchema,
  JoinConfiguration: joinConfigurationSchema,
  KubeletConfiguration: kubeletConfigurationSchema,
  KubeProxyConfiguration: kubeProxyConfigurationSchema,
} as const;

export type DocumentKind = keyof typeof documentSchemas;
export type Documents = { readonly [K in DocumentKind]?: z.infer<(typeof documentSchemas)[K]> };
export type ComponentSourceSettings = z.infer<typeof componentSourceSchema>;
