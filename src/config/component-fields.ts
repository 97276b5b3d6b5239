import { z } from 'zod';
import { onlyDefault } from './fields.ts';
import { runtimeEndpointSchema } from './kubeadm-parts.ts';

/**
 * The fields of the components' own configurations, by what they hold: KubeletConfiguration (kubelet.config.k8s.io/v1beta1)
 * and KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1) of Kubernetes 1.36, at every depth. Both components
 * pass over a name that they do not know: they read these versions leniently, and only log it. So it is found here.
 * What a value may be is the component's to check, but for those that kadm goes by or that a node never comes up with.
 */
const KUBELET = {
  flags: `
    cgroupsPerQOS cpuCFSQuota enableContentionProfiling enableControllerAttachDetach enableDebugFlagsHandler
    enableDebuggingHandlers enableProfilingHandler enableServer enableSystemLogHandler enableSystemLogQuery
    failCgroupV1 failSwapOn kernelMemcgNotification localStorageCapacityIsolation makeIPTablesUtilChains
    mergeDefaultEvictionSettings protectKernelDefaults registerNode rotateCertificates runOnce
    seccompDefault serializeImagePulls serverTLSBootstrap singleProcessOOMKill
  `,
  numbers: `
    containerLogMaxFiles containerLogMaxWorkers eventBurst eventRecordQPS evictionMaxPodGracePeriod
    healthzPort imageGCHighThresholdPercent imageGCLowThresholdPercent iptablesDropBit iptablesMasqueradeBit
    kubeAPIBurst kubeAPIQPS maxOpenFiles maxParallelImagePulls maxPods memoryThrottlingFactor
    nodeLeaseDurationSeconds nodeStatusMaxImages oomScoreAdj podPidsLimit podsPerCore port readOnlyPort
    registryBurst registryPullQPS
  `,
  texts: `
    address cgroupRoot clusterDomain configMapAndSecretChangeDetectionStrategy
    containerLogMaxSize containerLogMonitorInterval contentType cpuCFSQuotaPeriod
    cpuManagerPolicy cpuManagerReconcilePeriod evictionPressureTransitionPeriod fileCheckFrequency
    hairpinMode healthzBindAddress httpCheckFrequency imageMaximumGCAge imageMinimumGCAge
    imagePullCredentialsVerificationPolicy imageServiceEndpoint kubeReservedCgroup kubeletCgroups
    memoryManagerPolicy memoryReservationPolicy nodeStatusReportFrequency nodeStatusUpdateFrequency podCIDR
    podLogsDir providerID reservedSystemCPUs resolvConf runtimeRequestTimeout showHiddenMetricsForVersion
    shutdownGracePeriod shutdownGracePeriodCriticalPods staticPodURL
    streamingConnectionIdleTimeout syncFrequency systemCgroups systemReservedCgroup tlsCertFile
    tlsMinVersion tlsPrivateKeyFile topologyManagerPolicy topologyManagerScope volumePluginDir
    volumeStatsAggPeriod
  `,
  lists: `
    allowedUnsafeSysctls clusterDNS enforceNodeAllocatable preloadedImagesVerificationAllowlist tlsCipherSuites
    tlsCurvePreferences
  `,
  maps: `
    cpuManagerPolicyOptions evictionHard evictionMinimumReclaim evictionSoft evictionSoftGracePeriod kubeReserved
    qosReserved systemReserved topologyManagerPolicyOptions
  `,
};

const KUBE_PROXY = {
  flags: 'bindAddressHardFail enableProfiling windowsRunAsService',
  numbers: 'oomScoreAdj',
  texts: `
    bindAddress clusterCIDR configSyncPeriod detectLocalMode healthzBindAddress hostnameOverride
    metricsBindAddress portRange showHiddenMetricsForVersion
  `,
  lists: 'nodePortAddresses',
};

/** resource.Quantity: 64Mi, or a number. */
const quantity = z.union([z.string(), z.number()], 'is not a quantity such as 64Mi');

/** component-base: LoggingConfiguration. */
const output = { ...fieldsOf({ flags: 'splitStream' }), infoBufferSize: quantity.optional() };
const logging = z.strictObject({
  ...fieldsOf({ numbers: 'verbosity', texts: 'format' }),
  // A duration, or nanoseconds as older releases wrote it.
  flushFrequency: z.union([z.string(), z.number()], 'is not a duration such as 5s').optional(),
  vmodule: z.array(z.strictObject(fieldsOf({ texts: 'filePattern', numbers: 'verbosity' }))).optional(),
  options: object({ text: object(output), json: object(output) }),
});
const featureGates = z.record(z.string(), z.boolean());

export const kubeletFields: Fields = {
  ...fieldsOf(KUBELET),
  authentication: object({
    anonymous: object(fieldsOf({ flags: 'enabled' })),
    webhook: object(fieldsOf({ flags: 'enabled', texts: 'cacheTTL' })),
    x509: object(fieldsOf({ texts: 'clientCAFile' })),
  }),
  authorization: object({
    ...fieldsOf({ texts: 'mode' }),
    webhook: object(fieldsOf({ texts: 'cacheAuthorizedTTL cacheUnauthorizedTTL' })),
  }),
  crashLoopBackOff: object(fieldsOf({ texts: 'maxContainerRestartPeriod' })),
  featureGates: featureGates.optional(),
  logging: logging.optional(),
  memorySwap: object(fieldsOf({ texts: 'swapBehavior' })),
  registerWithTaints: z.array(z.strictObject(fieldsOf({ texts: 'effect key timeAdded value' }))).optional(),
  reservedMemory: z
    .array(
      z.strictObject({
        ...fieldsOf({ numbers: 'numaNode' }),
        limits: z.record(z.string(), quantity).optional(),
      }),
    )
    .optional(),
  shutdownGracePeriodByPodPriority: z
    .array(z.strictObject(fieldsOf({ numbers: 'priority shutdownGracePeriodSeconds' })))
    .optional(),
  staticPodURLHeader: z.record(z.string(), z.array(z.string())).optional(),
  tracing: object(fieldsOf({ texts: 'endpoint', numbers: 'samplingRatePerMillion' })),
  userNamespaces: object(fieldsOf({ numbers: 'idsPerPod' })),
  cgroupDriver: onlyDefault(
    'systemd',
    'the kubelet takes its cgroup driver from containerd, which has that one',
  ),
  containerRuntimeEndpoint: runtimeEndpointSchema.optional(),
  staticPodPath: onlyDefault('/etc/kubernetes/manifests', 'the control plane’s manifests are there'),
};

export const kubeProxyFields: Fields = {
  ...fieldsOf(KUBE_PROXY),
  clientConnection: object(
    fieldsOf({ texts: 'acceptContentTypes contentType kubeconfig', numbers: 'burst qps' }),
  ),
  conntrack: object(
    fieldsOf({
      flags: 'tcpBeLiberal',
      numbers: 'maxPerCore min',
      texts: 'tcpCloseWaitTimeout tcpEstablishedTimeout udpStreamTimeout udpTimeout',
    }),
  ),
  detectLocal: object(fieldsOf({ texts: 'bridgeInterface interfaceNamePrefix' })),
  featureGates: featureGates.optional(),
  iptables: object(
    fieldsOf({
      flags: 'localhostNodePorts masqueradeAll',
      numbers: 'masqueradeBit',
      texts: 'minSyncPeriod syncPeriod',
    }),
  ),
  ipvs: object(
    fieldsOf({
      flags: 'strictARP',
      texts: 'minSyncPeriod scheduler syncPeriod tcpFinTimeout tcpTimeout udpTimeout',
      lists: 'excludeCIDRs',
    }),
  ),
  logging: logging.optional(),
  /** Those of Linux (pkg/proxy/apis/config: ProxyMode); with another kube-proxy ends at once. */
  mode: z.enum(['', 'iptables', 'ipvs', 'nftables']).optional(),
  nftables: object(
    fieldsOf({ flags: 'masqueradeAll', numbers: 'masqueradeBit', texts: 'minSyncPeriod syncPeriod' }),
  ),
  winkernel: object(
    fieldsOf({
      flags: 'enableDSR forwardHealthCheckVip',
      texts: 'networkName rootHnsEndpointName sourceVip',
    }),
  ),
};

type Fields = Record<string, z.ZodType>;

/** Names of fields, by what they hold. */
interface FieldTable {
  readonly flags?: string;
  readonly numbers?: string;
  readonly texts?: string;
  readonly lists?: string;
  /** Names of anybody's choice, with texts. */
  readonly maps?: string;
}

function object(fields: Fields): z.ZodOptional<z.ZodObject> {
  return z.strictObject(fields).optional();
}

function fieldsOf({ flags = '', numbers = '', texts = '', lists = '', maps = '' }: FieldTable): Fields {
  const all = (names: string, schema: z.ZodType): Fields =>
    Object.fromEntries(
      names
        .split(/\s+/)
        .filter((name) => name !== '')
        .map((name) => [name, schema.optional()]),
    );
  return {
    ...all(flags, z.boolean()),
    ...all(numbers, z.number()),
    ...all(texts, z.string()),
    ...all(lists, z.array(z.unknown())),
    ...all(maps, z.record(z.string(), z.string())),
  };
}
