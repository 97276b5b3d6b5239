import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { keyType } from './known-hosts.ts';
import { WireReader, wireString, wireUint32 } from './wire.ts';

const TIMEOUT_MS = 15_000;
/** RFC 4253, 6.1: what every implementation takes. */
const MAX_PACKET_BYTES = 35_000;
/** What comes before the version line, and packets that mean nothing here. */
const MAX_BYTES = 4 * MAX_PACKET_BYTES;
const BLOCK_BYTES = 8;
const VERSION = 'SSH-2.0-kadm';
const KEXINIT = 20;
const ECDH_INIT = 30;
const ECDH_REPLY = 31;
const CURVE = 'curve25519-sha256';
const CERTIFICATES = [
  'ssh-ed25519-cert-v01@openssh.com',
  'ecdsa-sha2-nistp256-cert-v01@openssh.com',
  'ecdsa-sha2-nistp384-cert-v01@openssh.com',
  'ecdsa-sha2-nistp521-cert-v01@openssh.com',
  'rsa-sha2-512-cert-v01@openssh.com',
  'rsa-sha2-256-cert-v01@openssh.com',
];
/** Never used, but without a common one a server ends the exchange. */
const CIPHERS = [
  ...['aes128-ctr', 'aes192-ctr', 'aes256-ctr', 'aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
  'chacha20-poly1305@openssh.com',
];
const MACS = [
  ...['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
];

/**
 * Asks an SSH server for its host certificate, which ssh2 does not: the first half of a key exchange (RFC 4253, 7 and 8,
 * RFC 8731) in which nothing but a certificate will do. Proves nothing: who shows a certificate need not have its key.
 * @param socket a connection of its own, which is closed
 * @returns the certificate (SSH wire format); undefined where the server has none
 * @throws Error when the connection breaks, nothing comes within 15 s, or what comes is not SSH
 */
export async function fetchHostCertificate(socket: Duplex): Promise<Buffer | undefined> {
  const timer = setTimeout(
    () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)),
    TIMEOUT_MS,
  );
  // Told by the reading that fails of it.
  socket.on('error', () => {});
  const input = new Input(socket);
  try {
    socket.write(`${VERSION}\r\n`);
    while (!(await input.line()).startsWith('SSH-2.0-'));
    const offer = new WireReader(await packetOf(input, KEXINIT));
    offer.bytes(16);
    const [exchanges, keys] = [offer.names(), offer.names()];
    if (!exchanges.includes(CURVE) || !keys.some((name) => CERTIFICATES.includes(name))) return undefined;
    const ours = generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' });
    socket.write(packet(kexInit()));
    socket.write(packet(Buffer.concat([Buffer.of(ECDH_INIT), wireString(ours.subarray(-32))])));
    const shown = new WireReader(await packetOf(input, ECDH_REPLY)).string();
    return keyType(shown).includes('-cert-v01@') ? shown : undefined;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** RFC 4253, 7.1 */
function kexInit(): Buffer {
  const lists = [[CURVE], CERTIFICATES, CIPHERS, CIPHERS, MACS, MACS, ['none'], ['none'], [], []];
  return Buffer.concat([
    Buffer.of(KEXINIT),
    randomBytes(16),
    ...lists.map((names) => wireString(names.join(','))),
    Buffer.of(0),
    wireUint32(0),
  ]);
}

/** RFC 4253, 6: padded to whole blocks, by four bytes at least. */
function packet(payload: Buffer): Buffer {
  const padding = 2 * BLOCK_BYTES - ((payload.length + 5) % BLOCK_BYTES);
  const head = Buffer.concat([wireUint32(1 + payload.length + padding), Buffer.of(padding)]);
  return Buffer.concat([head, payload, Buffer.alloc(padding)]);
}

/** The content of the next packet of a type; others mean nothing here. */
async function packetOf(input: Input, wanted: number): Promise<Buffer> {
  for (;;) {
    const length = (await input.bytes(4)).readUInt32BE();
    if (length < 2 || length > MAX_PACKET_BYTES) throw new Error('what it says is not SSH');
    const content = await input.bytes(length);
    const payload = content.subarray(1, Math.max(1, length - content.readUInt8()));
    const reader = new WireReader(payload);
    if (reader.byte() === wanted) return payload.subarray(reader.at);
  }
}

/** What comes, piece by piece, and no more of it than makes sense. */
class Input {
  readonly #pieces: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #total = 0;

  constructor(socket: Duplex) {
    this.#pieces = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async bytes(length: number): Promise<Buffer> {
    while (this.#rest.length < length) await this.#more();
    return this.#take(length);
  }

  async line(): Promise<string> {
    while (!this.#rest.includes('\n')) await this.#more();
    return this.#take(this.#rest.indexOf('\n') + 1).toString('latin1');
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#pieces.next();
    if (done === true) throw new Error('it closed the connection');
    this.#total += value.length;
    if (this.#total > MAX_BYTES) throw new Error('what it says is not SSH');
    this.#rest = Buffer.concat([this.#rest, value]);
  }
}
