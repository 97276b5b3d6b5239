import { basename } from 'node:path';
import { Command } from 'commander';
import type { Expiration, Expirations } from '../certs/inventory.ts';
import { configOption, defaultAddress, loadDocuments, outputOption, ownHostname } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb } from './run.ts';
import { humanDuration, table } from './table.ts';

/** As long as kubeadm allows a control plane to take. */
const DEFAULT_TIMEOUT = '4m0s';

const EXAMPLES = `
Examples:
  kadm certs check-expiration
  kadm certs renew all
  kadm certs renew apiserver etcd-server
  kadm certs generate-csr --config cluster.yaml
`;

/** `kadm certs`: the certificates of this node, as kubeadm's command of that name. */
export function certsCommand(): Command {
  return new Command('certs')
    .description('show and renew the certificates of this node')
    .addCommand(checkExpirationCommand())
    .addCommand(renewCommand())
    .addCommand(generateCsrCommand())
    .addCommand(certificateKeyCommand())
    .addHelpText('after', EXAMPLES);
}

function checkExpirationCommand(): Command {
  return new Command('check-expiration')
    .description('show until when the certificates of this node are valid')
    .addOption(outputOption())
    .action(async ({ output }: { output: OutputFormat }) => {
      await runVerb(output, async ({ emit }) => {
        const { LocalHost } = await import('../host/host.ts');
        const { requireRoot } = await import('../node/preflight.ts');
        const { expirations, inventory } = await import('../certs/inventory.ts');
        requireRoot();
        const found = expirations(await inventory(new LocalHost()), new Date());
        if (output === 'json') emit({ type: 'result', path: [], result: { ...found } });
        return expirationTable(found);
      });
    });
}

/** The tables of `kubeadm certs check-expiration`, and who renews what renews itself. */
export function expirationTable({ certificates, certificateAuthorities }: Expirations): string {
  const heads = ['EXPIRES', 'RESIDUAL TIME'];
  const cells = (one: Expiration): string[] => [
    one.name,
    new Date(one.expirationDate ?? '')
      .toUTCString()
      .replace(/^\w+, (\d+) (\w+) (\d+) (\d+:\d+).*/, '$2 $1, $3 $4 UTC'),
    residual(one.residualTime ?? 0),
  ];
  const external = (one: Expiration): string => (one.externallyManaged ? 'yes' : 'no');
  const row = (one: Expiration, rest: string[]): string[] =>
    one.missing ? [`!MISSING! ${one.name}`] : [...cells(one), ...rest];
  const leaves = certificates.map((one) => row(one, [one.caName ?? '', external(one), one.renewedBy ?? '']));
  const authorities = certificateAuthorities.map((one) => row(one, [external(one)]));
  return [
    table([
      ['CERTIFICATE', ...heads, 'CERTIFICATE AUTHORITY', 'EXTERNALLY MANAGED', 'RENEWED BY'],
      ...leaves,
    ]),
    table([['CERTIFICATE AUTHORITY', ...heads, 'EXTERNALLY MANAGED'], ...authorities]),
  ].join('\n\n');
}

function residual(seconds: number): string {
  return seconds <= 0 ? 'expired' : humanDuration(seconds);
}

interface RenewOptions {
  readonly config?: string;
  readonly timeout: string;
  readonly output: OutputFormat;
}

function renewCommand(): Command {
  return new Command('renew')
    .description('renew certificates, and start what uses them, one component after the other')
    .argument('<names...>', 'all, or names that check-expiration shows')
    .option('--timeout <duration>', 'how long each component may take to be healthy again', DEFAULT_TIMEOUT)
    .addOption(configOption())
    .addOption(outputOption())
    .action(async (names: string[], options: RenewOptions) => await renew(names, options));
}

async function renew(names: readonly string[], { config, timeout, output }: RenewOptions): Promise<void> {
  await runVerb(output, async ({ emit, signal }) => {
    const { LocalHost } = await import('../host/host.ts');
    const { requireRoot } = await import('../node/preflight.ts');
    const { duration } = await import('../config/values.ts');
    const { renewCertificates } = await import('../certs/renew.ts');
    requireRoot();
    const cluster = (await loadDocuments(config)).ClusterConfiguration;
    const validity = cluster?.certificateValidityPeriod;
    const renewed = await renewCertificates({
      host: new LocalHost(),
      names: names.includes('all') ? 'all' : names,
      options: {
        keyAlgorithm: cluster?.encryptionAlgorithm,
        validitySeconds: validity === undefined ? undefined : duration('certificateValidityPeriod', validity),
      },
      timeoutMs: duration('--timeout', timeout) * 1000,
      emit,
      signal,
    });
    if (output === 'json') emit({ type: 'result', path: [], result: { renewed } });
    return `Renewed: ${renewed.join(', ')}${renewed.includes('admin.conf') ? COPIES : ''}`;
  });
}

const COPIES = '\nCopies of admin.conf elsewhere hold the old certificate: replace them before it expires.';

interface RequestOptions {
  readonly config?: string;
  readonly certDir?: string;
  readonly kubeconfigDir: string;
}

function generateCsrCommand(): Command {
  return new Command('generate-csr')
    .description('write keys and certificate requests, for an authority whose key is elsewhere')
    .option('--cert-dir <path>', 'where keys and requests go (default: /etc/kubernetes/pki)')
    .option('--kubeconfig-dir <path>', 'where kubeconfigs and their requests go', '/etc/kubernetes')
    .addOption(configOption())
    .action(async (options: RequestOptions) => await generateCsr(options));
}

async function generateCsr({ config, certDir, kubeconfigDir }: RequestOptions): Promise<void> {
  await runVerb('text', async () => {
    const { LocalHost } = await import('../host/host.ts');
    const { placedIn } = await import('../node/pki-files.ts');
    const { requireRoot } = await import('../node/preflight.ts');
    const { initSettings } = await import('../config/settings.ts');
    const { DEFAULT_KUBERNETES_VERSION } = await import('../components/catalog.ts');
    const { generateRequests } = await import('../certs/generate-csr.ts');
    const { pkiSettings } = await import('../init/certs.ts');
    requireRoot();
    const host = new LocalHost();
    const documents = await loadDocuments(config);
    const services = documents.ClusterConfiguration?.networking?.serviceSubnet;
    const facts = { hostname: ownHostname(), defaultAddress: await defaultAddress(services) };
    const flags = certDir === undefined ? {} : { certDir };
    const settings = initSettings(flags, documents, facts, DEFAULT_KUBERNETES_VERSION);
    const at = placedIn(settings.certificatesDir, kubeconfigDir);
    const requests = await generateRequests(host, pkiSettings(settings), at, certDir === undefined);
    const [first] = requests;
    if (first === undefined) return 'All certificates are there, or can be made here: nothing to request.';
    return [...requests, nextSteps(basename(first))].join('\n');
  });
}

/** @param request name of one of them */
function nextSteps(request: string): string {
  return `
Have them signed, and put each certificate beside its request, such as ${request.replace(/csr$/, 'crt')} beside ${request}.
With the authority's ca.crt there, kadm init uses them. For what was there already nothing is requested.`;
}

function certificateKeyCommand(): Command {
  return new Command('certificate-key')
    .description('print a new key for encrypting certificates that are kept in the cluster')
    .action(async () => {
      const { generateCertificateKey } = await import('../pki/certificate-key.ts');
      process.stdout.write(`${generateCertificateKey()}\n`);
    });
}
