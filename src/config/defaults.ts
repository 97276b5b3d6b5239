/** What holds when nobody says otherwise. */
export const DEFAULTS = {
  apiPort: 6443,
  podCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/12',
  dnsDomain: 'cluster.local',
  clusterName: 'kubernetes',
  caCertificateValidityPeriod: '87600h0m0s',
  certificateValidityPeriod: '8760h0m0s',
  certificatesDir: '/etc/kubernetes/pki',
  tokenTtl: '24h0m0s',
  network: { backend: 'vxlan', vni: 1, port: 8472, exclusive: false },
} as const;
