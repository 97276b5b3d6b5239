/*
 * A wire that delays and loses packets, for kernels without netem: UDP that comes to a port of this machine goes on to
 * one host after a pause, or not at all. Run beside the lab: node slow-wire.ts ADDRESS DELAY_MS LOSS PORT=HOST:PORT...
 * Prints `ready`, and at SIGTERM one line of JSON: how many packets came, and how many it has lost.
 */
import { createSocket, type Socket } from 'node:dgram';

/** What the wire has done. */
export interface WireReport {
  readonly came: number;
  readonly lost: number;
}

async function listen(address: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  return socket;
}

if (process.argv[1] === import.meta.filename) {
  const [address = '', delay, loss, ...ways] = process.argv.slice(2);
  const report = { came: 0, lost: 0 };
  for (const way of ways) {
    const [, port, host = '', to] = /^(\d+)=([\d.]+):(\d+)$/.exec(way) ?? [];
    const socket = await listen(address, Number(port));
    socket.on('message', (packet) => {
      report.came += 1;
      if (Math.random() < Number(loss)) report.lost += 1;
      else setTimeout(() => socket.send(packet, Number(to), host, () => undefined), Number(delay));
    });
  }
  process.once('SIGTERM', () => {
    process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
  });
  process.stdout.write('ready\n');
}
