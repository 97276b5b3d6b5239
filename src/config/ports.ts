import { portSchema } from './fields.ts';

/**
 * TCP ports of a control plane that are others' than the API server's (Kubernetes documentation, "Ports and Protocols",
 * and the components' defaults for health and metrics). Two of them cannot listen on one port.
 */
const OWNERS: Readonly<Record<number, string>> = {
  2379: 'etcd',
  2380: 'etcd’s members',
  2381: 'etcd’s metrics',
  10248: 'the kubelet’s health',
  10249: 'kube-proxy’s metrics',
  10250: 'the kubelet',
  10256: 'kube-proxy’s health',
  10257: 'the controller manager',
  10259: 'the scheduler',
  10270: 'kadm’s agent',
};

/** The port of an API server. */
export const bindPortSchema = portSchema.refine((port) => OWNERS[port] === undefined, {
  error: ({ input }) => `${input} is the port of ${OWNERS[Number(input)]}: choose another, such as 6443`,
});
