import type { LabHost } from '../../../src/lab/lab-host.ts';

const SEEN = '/srv/seen-processes';
const NEEDLES = '/srv/needles';
const UNIT = 'watch-processes';

/** Writes down the arguments and the environment of each process, fifty times a second. */
const WATCH = `
open my $out, '>>', '${SEEN}' or die; select $out; $| = 1; $/ = undef;
while (1) {
  for my $file (glob '/proc/[0-9]*/cmdline /proc/[0-9]*/environ') {
    open my $in, '<', $file or next;
    my $text = <$in> // '';
    next if $seen{$text}++;
    $text =~ tr/\\0/\\n/;
    print "$text\\n";
  }
  select undef, undef, undef, 0.02;
}`;

/** Where a secret that got out could be: in logs, in the ledger, in what was printed, in files of other programs. */
const PLACES = `/etc /root /run /tmp /var/log /var/tmp /var/lib/kadm ${SEEN}`;

const LOOK = `
for place in ${PLACES}; do
  grep -rlF --devices=skip --exclude-dir=containerd -f ${NEEDLES} $place 2>/dev/null
done | sort
if journalctl --no-pager --all | grep -qFf ${NEEDLES}; then echo journal; fi`;

/** Watches a host for secrets that get out, from its beginning to the look at what it found. */
export class SecretWatch {
  readonly #host: LabHost;

  private constructor(host: LabHost) {
    this.#host = host;
  }

  static async begin(host: LabHost): Promise<SecretWatch> {
    await host.exec(['systemd-run', '--quiet', '--unit', UNIT, 'perl', '-e', WATCH]);
    return new SecretWatch(host);
  }

  /**
   * @param needles parts of secrets, none of which may be part of another text
   * @returns the files that hold one, but for those that may; `journal` for the journal
   */
  async foundIn(needles: readonly string[], allowed: RegExp): Promise<string[]> {
    if (needles.length === 0) throw new Error('nothing to look for');
    const input = needles.map((needle) => `${needle}\n`).join('');
    await this.#host.exec(['sh', '-c', `umask 077; cat >${NEEDLES}`], { input });
    const { stdout } = await this.#host.exec(['bash', '-c', LOOK], { timeoutMs: 120_000 });
    const found = stdout.split('\n').filter((line) => line !== '' && line !== NEEDLES);
    return found.filter((path) => !allowed.test(path));
  }

  /** Whether a process was seen with these words: one that was not could not have been seen with a secret either. */
  async saw(words: string): Promise<boolean> {
    const look = ['grep', '-qF', '-e', words, SEEN];
    return (await this.#host.exec(look, { allowFailure: true })).exitCode === 0;
  }

  async end(): Promise<void> {
    await this.#host.exec(['systemctl', 'stop', UNIT]);
    await this.#host.exec(['rm', '-f', SEEN, NEEDLES]);
  }
}

/** Parts of all private keys on a host, as PEM files have them and as kubeconfigs do. */
export async function privateKeys(host: LabHost): Promise<string[]> {
  const find = `find /etc/kubernetes /var/lib/kubelet/pki /var/lib/kadm /root/.kube -type f`;
  const { stdout } = await host.exec([
    'sh',
    '-c',
    `cat $(${find} -regex '.*\\.\\(key\\|pem\\|conf\\)' -o -name config)`,
  ]);
  // The first line of a key is the same for many.
  const inPem = [...stdout.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----\n\S+\n(\S+)\n/g)].map(
    ([, line]) => line ?? '',
  );
  const inYaml = [...stdout.matchAll(/client-key-data: (\S+)/g)].map(([, text = '']) => text.slice(120, 180));
  return [...new Set([...inPem, ...inYaml])];
}
