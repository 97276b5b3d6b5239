import { z } from 'zod';
import { onlyDefault } from './fields.ts';

/**
 * The fields of the components' own configurations, by what they hold: KubeletConfiguration (kubelet.config.k8s.io/v1beta1)
 * and KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1) of Kubernetes 1.36. A component refuses a name that
 * it does not know and then does not start; here the mistake is found before anything is changed. What is inside of
 * lists and objects is the component's to check.
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
    containerLogMaxSize containerLogMonitorInterval containerRuntimeEndpoint contentType cpuCFSQuotaPeriod
    cpuManagerPolicy cpuManagerReconcilePeriod evictionPressureTransitionPeriod fileCheckFrequency
    hairpinMode healthzBindAddress httpCheckFrequency imageMaximumGCAge imageMinimumGCAge
    imagePullCredentialsVerificationPolicy imageServiceEndpoint kubeReservedCgroup kubeletCgroups
    memoryManagerPolicy memoryReservationPolicy nodeStatusReportFrequency nodeStatusUpdateFrequency podCIDR
    podLogsDir providerID reservedSystemCPUs resolvConf runtimeRequestTimeout showHiddenMetricsForVersion
    shutdownGracePeriod shutdownGracePeriodCriticalPods staticPodPath staticPodURL
    streamingConnectionIdleTimeout syncFrequency systemCgroups systemReservedCgroup tlsCertFile
    tlsMinVersion tlsPrivateKeyFile topologyManagerPolicy topologyManagerScope volumePluginDir
    volumeStatsAggPeriod
  `,
  lists: `
    allowedUnsafeSysctls clusterDNS enforceNodeAllocatable preloadedImagesVerificationAllowlist
    registerWithTaints reservedMemory shutdownGracePeriodByPodPriority tlsCipherSuites tlsCurvePreferences
  `,
  objects: `
    authentication authorization cpuManagerPolicyOptions crashLoopBackOff evictionHard
    evictionMinimumReclaim evictionSoft evictionSoftGracePeriod featureGates kubeReserved logging memorySwap
    qosReserved staticPodURLHeader systemReserved topologyManagerPolicyOptions tracing userNamespaces
  `,
};

const KUBE_PROXY = {
  flags: 'bindAddressHardFail enableProfiling windowsRunAsService',
  numbers: 'oomScoreAdj',
  texts: `
    bindAddress clusterCIDR configSyncPeriod detectLocalMode healthzBindAddress hostnameOverride
    metricsBindAddress mode portRange showHiddenMetricsForVersion
  `,
  lists: 'nodePortAddresses',
  objects: 'clientConnection conntrack detectLocal featureGates iptables ipvs logging nftables winkernel',
};

export const kubeletFields: Fields = {
  ...fieldsOf(KUBELET),
  cgroupDriver: onlyDefault(
    'systemd',
    'the kubelet takes its cgroup driver from containerd, which has that one',
  ),
};
export const kubeProxyFields = fieldsOf(KUBE_PROXY);

type Fields = Record<string, z.ZodType>;

function fieldsOf(table: typeof KUBELET): Fields {
  const all = (names: string, schema: z.ZodType): Fields =>
    Object.fromEntries(
      names
        .trim()
        .split(/\s+/)
        .map((name) => [name, schema.optional()]),
    );
  return {
    ...all(table.flags, z.boolean()),
    ...all(table.numbers, z.number()),
    ...all(table.texts, z.string()),
    ...all(table.lists, z.array(z.unknown())),
    ...all(table.objects, z.record(z.string(), z.unknown())),
  };
}
