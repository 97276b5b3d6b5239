import { describe, expect, it } from 'vitest';
import { configuredName, OFFICIAL_IMAGES } from '../../../src/config/image-names.ts';

const API = 'registry.k8s.io/kube-apiserver:v1.36.3';
const DNS = 'registry.k8s.io/coredns/coredns:v1.14.2';
const ETCD = 'registry.k8s.io/etcd:3.6.8-0';
const MIRROR = { ...OFFICIAL_IMAGES, repository: 'mirror.example.org:5000/k8s' };

/** What kubeadm's images.go makes of the same. */
describe('the name of an image', () => {
  it('is the official one where nothing is said', () => {
    for (const name of [API, DNS, ETCD]) expect(configuredName(name, OFFICIAL_IMAGES)).toBe(name);
  });

  it('is below another repository, where CoreDNS has no folder of its own', () => {
    expect(configuredName(API, MIRROR)).toBe('mirror.example.org:5000/k8s/kube-apiserver:v1.36.3');
    expect(configuredName(DNS, MIRROR)).toBe('mirror.example.org:5000/k8s/coredns:v1.14.2');
  });

  it('can be another for etcd and for CoreDNS', () => {
    const names = {
      ...MIRROR,
      etcd: { repository: undefined, tag: '3.6.9-0' },
      dns: { repository: 'dns.example.org', tag: 'v9' },
    };
    expect(configuredName(ETCD, names)).toBe('mirror.example.org:5000/k8s/etcd:3.6.9-0');
    expect(configuredName(DNS, names)).toBe('dns.example.org/coredns:v9');
    const official = { ...names, dns: { repository: 'registry.k8s.io', tag: undefined } };
    expect(configuredName(DNS, official)).toBe(DNS);
  });
});
