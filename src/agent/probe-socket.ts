import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { FAMILY, familyOf } from '../config/family.ts';
import { hasCode } from '../errors.ts';

const MAGIC = Buffer.from('kadm');
const REQUEST = 1;
const REPLY = 2;
/** Magic, kind and a number of 8 bytes that the reply repeats. */
const HEADER = 13;
export const SMALL_BYTES = 64;

/** From an address of this node in the pod network, which the answer comes to, to a peer's. */
export interface ProbeWay {
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

/** The device or its route is not there right now, or the packet is longer than the device takes. */
const LOST = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EMSGSIZE', 'EPERM', 'EINVAL', 'ENETDOWN'];

/** Of the address's family; addresses are addresses here: nothing is looked up. */
function udpSocket(address: string): Socket {
  const family = familyOf(address);
  return createSocket({ type: `udp${family}`, lookup: (name, _, done) => done(null, name, family) });
}

/** Asks one peer, one question at a time. */
export class ProbeSocket {
  readonly #socket: Socket;
  /** Bytes of the IP and UDP headers. */
  readonly #headers: number;
  #ended: ((ms: number | undefined) => void) | undefined;
  #asked = Buffer.alloc(0);
  #begun = 0;

  private constructor(socket: Socket, headers: number) {
    this.#socket = socket;
    this.#headers = headers;
    socket.on('message', (message) => this.#heard(message));
    socket.on('error', (error) => this.#failed(error));
  }

  /** Undefined where there is no way there. */
  static async open({ from, to, port }: ProbeWay): Promise<ProbeSocket | undefined> {
    const socket = udpSocket(from);
    try {
      await bound(socket, from, 0);
      const connected = once(socket, 'connect');
      socket.connect(port, to);
      await connected;
      return new ProbeSocket(socket, FAMILY[familyOf(from)].udpHeaders);
    } catch (error) {
      socket.close();
      if (isLoss(error)) return undefined;
      throw error;
    }
  }

  /**
   * Sends one packet and waits for its answer. The kernel's own answer, that nobody listens there, counts as well:
   * the packet has arrived.
   * @param packetBytes of the whole IP packet
   * @returns the round trip in milliseconds, or undefined
   */
  async ask(packetBytes: number, timeoutMs: number): Promise<number | undefined> {
    this.#asked = Buffer.alloc(Math.max(HEADER, packetBytes - this.#headers));
    MAGIC.copy(this.#asked);
    this.#asked[4] = REQUEST;
    randomBytes(HEADER - 5).copy(this.#asked, 5);
    return await new Promise((resolve) => {
      const timer = setTimeout(() => this.#ended?.(undefined), timeoutMs);
      this.#ended = (ms) => {
        clearTimeout(timer);
        this.#ended = undefined;
        resolve(ms);
      };
      this.#begun = performance.now();
      this.#socket.send(this.#asked, (error) => {
        if (error !== null) this.#failed(error);
      });
    });
  }

  close(): void {
    this.#socket.close();
  }

  #heard(message: Buffer): void {
    const answers =
      message[4] === REPLY && message.subarray(5, HEADER).equals(this.#asked.subarray(5, HEADER));
    if (answers && message.length === this.#asked.length) this.#ended?.(performance.now() - this.#begun);
  }

  #failed(error: Error): void {
    this.#ended?.(hasCode(error, 'ECONNREFUSED') ? performance.now() - this.#begun : undefined);
  }
}

function isLoss(error: unknown): boolean {
  return LOST.some((code) => hasCode(error, code));
}

/** One question by a socket of its own. */
export async function probe(
  way: ProbeWay,
  packetBytes: number,
  timeoutMs: number,
): Promise<number | undefined> {
  const socket = await ProbeSocket.open(way);
  if (socket === undefined) return undefined;
  try {
    return await socket.ask(packetBytes, timeoutMs);
  } finally {
    socket.close();
  }
}

/** Answers probes that come to one address, from addresses that may ask; never an answer, so that no two talk for ever. */
export async function answerProbes(
  address: string,
  port: number,
  mayAsk: (address: string) => boolean,
): Promise<Socket> {
  const socket = udpSocket(address);
  await bound(socket, address, port);
  socket.on('message', (message, { address: asker, port: askerPort }) => {
    const asks = message.length >= HEADER && message.subarray(0, 4).equals(MAGIC) && message[4] === REQUEST;
    if (!asks || !mayAsk(asker)) return;
    message[4] = REPLY;
    // An answer that cannot be sent is a lost one.
    socket.send(message, askerPort, asker, () => undefined);
  });
  return socket;
}

async function bound(socket: Socket, address: string, port: number): Promise<void> {
  const listening = once(socket, 'listening');
  socket.bind({ address, port });
  await listening;
}

/** Whether a host answers on a TCP port, with a connection or with a refusal. */
export async function hostAnswers(address: string, port: number, timeoutMs: number): Promise<boolean> {
  const socket = connect({ host: address, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
    return true;
  } catch (error) {
    return hasCode(error, 'ECONNREFUSED');
  } finally {
    socket.destroy();
  }
}
