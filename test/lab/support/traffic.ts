/*
 * Run inside the network namespace of a pod, by nsenter: packets or bytes from one pod to another, and what came
 * of them. node traffic.ts ROLE ...; a receiver prints its report as one line of JSON at SIGTERM.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

/** What a receiver saw. */
export interface Report {
  readonly received: number;
  /** Packets that were sent before the last one that came, and never came; 0 for TCP. */
  readonly lost: number;
  /** The longest time in which nothing came, between the first and the last. */
  readonly longestGapMs: number;
  readonly connections: number;
}

const TCP_PERIOD_MS = 10;

class Arrivals {
  received = 0;
  highest = -1;
  connections = 0;
  #longestGapMs = 0;
  #last: number | undefined;

  take(sequence: number): void {
    const now = performance.now();
    if (this.#last !== undefined) this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#last);
    this.#last = now;
    this.received += 1;
    this.highest = Math.max(this.highest, sequence);
  }

  report(): Report {
    const { received, highest, connections } = this;
    const lost = highest < 0 ? 0 : highest + 1 - received;
    return { received, lost, longestGapMs: Math.round(this.#longestGapMs), connections };
  }
}

function reportAtEnd(arrivals: Arrivals): void {
  process.once('SIGTERM', () => {
    process.stdout.write(`${JSON.stringify(arrivals.report())}\n`, () => process.exit(0));
  });
}

function receiveUdp(port: number): void {
  const arrivals = new Arrivals();
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.on('message', (packet) => arrivals.take(packet.readUInt32BE(0)));
  socket.bind(port, () => process.stdout.write('ready\n'));
  reportAtEnd(arrivals);
}

/** @param rate packets a second, of 200 bytes */
function sendUdp(address: string, port: number, rate: number): void {
  const socket = createSocket('udp4');
  const begun = performance.now();
  let next = 0;
  // A timer that comes late makes up for it.
  setInterval(() => {
    const due = Math.floor(((performance.now() - begun) * rate) / 1000);
    for (; next < due; next += 1) {
      const packet = Buffer.alloc(200);
      packet.writeUInt32BE(next, 0);
      socket.send(packet, port, address, () => undefined);
    }
  }, 1);
}

function receiveTcp(port: number): void {
  const arrivals = new Arrivals();
  const server = createServer((socket) => {
    arrivals.connections += 1;
    socket.on('data', () => arrivals.take(-1));
    socket.on('error', () => undefined);
  });
  server.listen(port, () => process.stdout.write('ready\n'));
  reportAtEnd(arrivals);
}

/** One connection; it is not made again when it breaks. */
function sendTcp(address: string, port: number): void {
  const socket = connect({ host: address, port, noDelay: true });
  socket.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  socket.on('connect', () => setInterval(() => socket.write(Buffer.alloc(100)), TCP_PERIOD_MS));
}

const [role, ...words] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename) {
  if (role === 'receive-udp') receiveUdp(Number(words[0]));
  if (role === 'send-udp') sendUdp(words[0] ?? '', Number(words[1]), Number(words[2]));
  if (role === 'receive-tcp') receiveTcp(Number(words[0]));
  if (role === 'send-tcp') sendTcp(words[0] ?? '', Number(words[1]));
}
