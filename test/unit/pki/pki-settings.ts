import { DEFAULT_VALIDITY } from '../../../src/pki/issue.ts';
import type { PkiSettings } from '../../../src/pki/table.ts';

/** Of a control plane that stands alone, with addresses of the documentation range (RFC 5737). */
export const PKI_SETTINGS: PkiSettings = {
  nodeName: 'h1',
  advertiseAddress: '192.0.2.1',
  controlPlaneHost: undefined,
  serviceAddresses: ['10.96.0.1'],
  dnsDomain: 'cluster.local',
  certSANs: [],
  keyAlgorithm: 'ECDSA-P256',
  validity: DEFAULT_VALIDITY,
  clusterName: 'kubernetes',
  server: 'https://192.0.2.1:6443',
  localServer: 'https://192.0.2.1:6443',
};
