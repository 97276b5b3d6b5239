import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { LabHost } from '../../../src/lab/lab-host.ts';
import { ask } from '../../../src/node/health.ts';
import { credentialsFrom, withCredentials } from '../../../src/pki/kubeconfig.ts';
import { renewPair } from '../../../src/pki/renew.ts';

const expiration = z.object({
  name: z.string(),
  expirationDate: z.string(),
  externallyManaged: z.boolean(),
  caName: z.string().optional(),
  missing: z.boolean(),
});
const expirations = z.object({
  certificates: z.array(expiration),
  certificateAuthorities: z.array(expiration),
});

export type Expirations = z.infer<typeof expirations>;

/** What `certs check-expiration` of kadm or of kubeadm says, as far as both say it. */
export async function checkExpiration(host: LabHost, tool: 'kadm' | 'kubeadm'): Promise<Expirations> {
  const { stdout } = await host.exec([tool, 'certs', 'check-expiration', '--output', 'json']);
  return expirations.parse(
    tool === 'kadm' ? resultOf(stdout) : JSON.parse(stdout.slice(stdout.indexOf('{'))),
  );
}

/** What a run of kadm yields, of the events that it printed. */
export function resultOf(events: string): unknown {
  const parsed = events
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; result?: unknown });
  return parsed.find(({ type }) => type === 'result')?.result;
}

export async function read(host: LabHost, path: string): Promise<string> {
  return (await host.exec(['cat', path])).stdout;
}

export async function write(host: LabHost, path: string, content: string): Promise<void> {
  await host.exec(['sh', '-c', 'cat > "$0"', path], { input: content });
}

/** How often containers of the control plane were started, by name. */
export async function starts(host: LabHost): Promise<Record<string, number>> {
  const path = 'jsonpath={range .items[*].status.containerStatuses[*]}{.name}={.restartCount}{"\\n"}{end}';
  const { stdout } = await host.exec([
    'kubectl',
    'get',
    'pods',
    '--namespace',
    'kube-system',
    '--output',
    path,
  ]);
  const counts: Record<string, number> = {};
  for (const line of stdout.trim().split('\n')) {
    const [name = '', count] = line.split('=');
    counts[name] = (counts[name] ?? 0) + Number(count);
  }
  return counts;
}

/** Milliseconds of each time for which the API server did not answer that it is ready, while something runs. */
export async function apiGaps(host: LabHost, work: () => Promise<unknown>): Promise<number[]> {
  const probe = { scheme: 'HTTPS', host: host.address, port: 6443, path: '/readyz' } as const;
  const gaps: number[] = [];
  let done = false;
  let since: number | undefined;
  const watching = (async () => {
    while (!done) {
      const well = (await ask(probe)) === undefined;
      if (!well) since ??= performance.now();
      if (well && since !== undefined) {
        gaps.push(Math.round(performance.now() - since));
        since = undefined;
      }
      await sleep(20);
    }
  })();
  try {
    await work();
  } finally {
    done = true;
    await watching;
  }
  return since === undefined ? gaps : [...gaps, Number.POSITIVE_INFINITY];
}

/** Signs requests as an authority elsewhere would: with openssl. */
export class ExternalAuthority {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(commonName: string): Promise<ExternalAuthority> {
    const folder = await mkdtemp(join(tmpdir(), 'kadm-external-ca-'));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];
    const out = ['-keyout', join(folder, 'ca.key'), '-out', join(folder, 'ca.crt')];
    execFileSync('openssl', ['req', '-x509', ...key, '-days', '30', '-subj', `/CN=${commonName}`, ...out], {
      stdio: 'pipe',
    });
    return new ExternalAuthority(folder);
  }

  async certificate(): Promise<string> {
    return await readFile(join(this.#folder, 'ca.crt'), 'utf8');
  }

  async sign(request: string): Promise<string> {
    const at = (name: string): string => join(this.#folder, name);
    await writeFile(at('csr'), request);
    await writeFile(at('extensions'), 'extendedKeyUsage=serverAuth,clientAuth\n');
    const ca = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '20'];
    const extensions = ['-copy_extensions', 'copy', '-extfile', at('extensions')];
    execFileSync('openssl', ['x509', '-req', '-in', at('csr'), ...extensions, ...ca, '-out', at('crt')], {
      stdio: 'pipe',
    });
    return await readFile(at('crt'), 'utf8');
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }
}

function serialNumber(pem: string): string {
  return new X509Certificate(pem).serialNumber;
}

const PKI = '/etc/kubernetes/pki';
const PAIRS = [
  'apiserver',
  'apiserver-kubelet-client',
  'front-proxy-client',
  'etcd/server',
  'etcd/peer',
  'etcd/healthcheck-client',
  'apiserver-etcd-client',
] as const;
const KUBECONFIGS = ['admin', 'super-admin', 'controller-manager', 'scheduler'] as const;

/** Serial numbers of all that kadm renews, by path. */
export async function serials(host: LabHost): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of PAIRS)
    found[`${PKI}/${name}.crt`] = serialNumber(await read(host, `${PKI}/${name}.crt`));
  for (const name of KUBECONFIGS) {
    const path = `/etc/kubernetes/${name}.conf`;
    found[path] = serialNumber(credentialsFrom(await read(host, path)).certPem ?? '');
  }
  return found;
}

/** Replaces all that the control plane and its kubelet have by what ended an hour ago, and starts them anew. */
export async function expireAll(host: LabHost): Promise<void> {
  const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
  const expired = async (id: string, certPem: string, keyPem: string): ReturnType<typeof renewPair> => {
    const [caPem, key] = [await read(host, `${PKI}/${id}.crt`), await read(host, `${PKI}/${id}.key`)];
    const authority = { path: `${PKI}/${id}.crt`, certPem: caPem, key: createPrivateKey(key) };
    return await renewPair(authority, { path: id, certPem, keyPem }, { validitySeconds: 3_600 }, twoHoursAgo);
  };
  for (const name of PAIRS) {
    const id = /etcd/.test(name) ? 'etcd/ca' : /front-proxy/.test(name) ? 'front-proxy-ca' : 'ca';
    const base = `${PKI}/${name}`;
    const made = await expired(id, await read(host, `${base}.crt`), await read(host, `${base}.key`));
    await write(host, `${base}.crt`, made.certPem);
    await write(host, `${base}.key`, made.keyPem);
  }
  for (const name of KUBECONFIGS) {
    const path = `/etc/kubernetes/${name}.conf`;
    const text = await read(host, path);
    const { certPem = '', keyPem = '' } = credentialsFrom(text);
    const made = await expired('ca', certPem, keyPem);
    await write(host, path, withCredentials(text, made.certPem, made.keyPem));
  }
  const kubelet = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  const pem = await read(host, kubelet);
  const made = await expired('ca', pem, pem);
  await write(host, kubelet, `${made.certPem}${made.keyPem}`);
  await host.exec(['systemctl', 'restart', 'kubelet.service'], { allowFailure: true });
  await host.exec([
    'pkill',
    '--signal',
    'KILL',
    '--full',
    '^(etcd|kube-apiserver|kube-controller-manager|kube-scheduler) ',
  ]);
}
