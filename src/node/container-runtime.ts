import configTemplate from '../../templates/containerd/config.toml';
import unitTemplate from '../../templates/systemd/containerd.service';
import { imageName } from '../components/catalog.ts';
import type { EnvVar } from '../config/control-plane.ts';
import { listens } from '../host/network.ts';
import { unitLog } from '../host/systemd.ts';
import { renderText } from '../host/template.ts';
import type { Phase } from '../phases/phase.ts';
import { waitFor } from '../phases/wait.ts';
import { changesOf, type NodeContext } from './context.ts';

export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
const PROXY_ENVIRONMENT = '/etc/containerd/proxy.env';
const START_TIMEOUT_MS = 60_000;

/** containerd with its CRI, as a unit; the sandbox image is the one that this release brings along. */
export const containerRuntime: Phase<NodeContext> = {
  id: 'container-runtime',
  title: 'Start containerd',
  needs: ['components', 'prepare-host'],
  async run(context, step) {
    const changes = changesOf(context, 'container-runtime');
    const restricted = context.settings.restrictOOMScoreAdj;
    const pauseImage = imageName('image-pause', context.release());
    const config = renderText(configTemplate, { pauseImage, restrictOOMScoreAdj: restricted });
    const unit = renderText(unitTemplate, { restricted });
    const { proxy } = context.settings;
    if (proxy.length === 0) await changes.noFile(PROXY_ENVIRONMENT);
    const anew = await changes.service('containerd.service', unit, [
      { path: '/etc/containerd/config.toml', content: config, mode: 0o644 },
      // Not in the unit, which everybody may read: the address of a proxy may hold a password.
      ...(proxy.length === 0
        ? []
        : [{ path: PROXY_ENVIRONMENT, content: environmentFile(proxy), mode: 0o600 }]),
    ]);
    // It asked the runtime for its cgroup driver when it started, and does not ask again.
    if (anew) await context.host.run(['systemctl', '--no-block', 'try-restart', 'kubelet.service']);
    if (context.host.dryRun) return;
    await waitFor({
      what: 'containerd',
      timeoutMs: START_TIMEOUT_MS,
      signal: step.signal,
      progress: step.progress,
      // containerd listens when all of it is ready.
      check: async () =>
        (await listens(CONTAINERD_SOCKET)) ? undefined : `no answer on ${CONTAINERD_SOCKET}`,
      diagnose: async () => await unitLog(context.host, 'containerd.service', 10),
    });
  },
};

/** NAME="value" a line, as systemd.exec(5) reads it. */
function environmentFile(variables: readonly EnvVar[]): string {
  return variables.map(({ name, value = '' }) => `${name}=${JSON.stringify(value)}\n`).join('');
}
