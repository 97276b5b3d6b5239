/**
 * Where agents answer: probes of the pod network by UDP on addresses of the pod network, health, metrics and state by
 * HTTPS on the node's address. Beside the ports of Kubernetes (10248 to 10259), and not assigned by IANA.
 */
export const AGENT_PORT = 10_270;
