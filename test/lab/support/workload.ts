/** Port on which agnhost's netexec listens. */
export const WEB_PORT = 8080;

/** Objects of a web server of several replicas, behind a ClusterIP Service `web` and a NodePort one `web-node`. */
export function webServer(image: string, replicas: number): object[] {
  const labels = { app: 'web' };
  const ports = [{ port: 80, targetPort: WEB_PORT }];
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: webPod(image, labels) },
      },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: labels, ports } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web-node' },
      spec: { type: 'NodePort', selector: labels, ports },
    },
  ];
}

function webPod(image: string, labels: Readonly<Record<string, string>>): object {
  return {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'web',
        image,
        args: ['netexec', `--http-port=${WEB_PORT}`],
        ports: [{ containerPort: WEB_PORT }],
        readinessProbe: { httpGet: { path: '/healthz', port: WEB_PORT }, periodSeconds: 1 },
      },
    ],
    // Replicas on both workers, so that an answer from each of them has crossed the network.
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: labels },
      },
    ],
  };
}

/** A pod with a shell on one node; it passes by the scheduler, and so goes onto the master too. */
export function probePod(image: string, node: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `probe-${node}`, labels: { app: 'probe' } },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'probe', image, args: ['pause'] }],
    },
  };
}
