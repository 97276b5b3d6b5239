import type { LabHost } from '../../../src/lab/lab-host.ts';

const UNIT = 'tampering-proxy';
const PORT = 9999;
/** From these ports it goes on to the server, so that what it sends does not come back to it. */
const OWN_PORTS = '20000:20999';

/** Somebody on the way, who changes a byte of each answer to a request for such a path, and passes all else on. */
const PROXY = `
use strict; use Socket; use IO::Socket::INET; use IO::Select;
my $path = shift;
my $server = IO::Socket::INET->new(LocalPort => ${PORT}, Listen => 64, ReuseAddr => 1) or die $!;
$SIG{CHLD} = 'IGNORE';
while (my $client = $server->accept) {
  next if fork;
  # SO_ORIGINAL_DST of netfilter: a sockaddr_in.
  my ($port, $address) = unpack 'x2 n a4', getsockopt $client, 0, 80;
  my $to;
  for (20000 .. 20999) {
    $to = IO::Socket::INET->new(PeerAddr => inet_ntoa($address), PeerPort => $port, LocalPort => $_) and last;
  }
  my ($left, $both) = (-1, IO::Select->new($client, $to));
  while (1) {
    for my $from ($both->can_read) {
      sysread $from, my $data, 65536 or exit;
      if ($from == $client) { $left = $1 =~ /$path/ ? 5000 : -1 if $data =~ /^GET (\\S+)/ }
      elsif ($left >= 0) {
        substr($data, $left, 1) ^= "\\x01" if $left < length $data;
        $left -= length $data;
      }
      my $other = $from == $client ? $to : $client;
      while (length $data) { substr $data, 0, syswrite($other, $data) || exit, '' }
    }
  }
}`;

/** The components that a host fetches come to it changed while `use` runs. */
export async function whileTampering<T>(
  { host, server }: { readonly host: LabHost; readonly server: LabHost },
  path: string,
  use: () => Promise<T>,
): Promise<T> {
  const rule = (verb: string): string[] =>
    ['iptables', '-t', 'nat', verb, 'OUTPUT', '-p', 'tcp', '-d', server.address]
      .concat('--dport', '30000:65535', '!', '--sport', OWN_PORTS)
      .concat('-j', 'REDIRECT', '--to-ports', String(PORT));
  await host.exec(['systemd-run', '--quiet', '--unit', UNIT, 'perl', '-e', PROXY, path]);
  await host.exec(rule('-A'));
  try {
    return await use();
  } finally {
    await host.exec(rule('-D'));
    await host.exec(['systemctl', 'stop', UNIT]);
  }
}
