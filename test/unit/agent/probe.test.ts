import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { ProbeSeries } from '../../../src/agent/probe-series.ts';
import { answerProbes, probe } from '../../../src/agent/probe-socket.ts';
import { judgePeer, type PeerState, whyPathBroken } from '../../../src/agent/probe-verdict.ts';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

const HERE = '127.0.0.1';

function portOf(socket: Socket): number {
  sockets.push(socket);
  return socket.address().port;
}

function ask(port: number, packetBytes = 64, timeoutMs = 300): Promise<number | undefined> {
  return probe({ from: HERE, to: HERE, port }, packetBytes, timeoutMs);
}

describe('a probe', () => {
  it('is answered at each size, and takes time', async () => {
    const port = portOf(await answerProbes(HERE, 0, () => true));
    for (const size of [64, 1450]) expect(await ask(port, size)).toBeGreaterThan(0);
  });

  it.each([
    // Of IP and of UDP: RFC 791 and 768, RFC 8200 and 768.
    ['udp4', HERE, 20 + 8],
    ['udp6', '::1', 40 + 8],
  ] as const)('by %s has as many bytes as asked for', async (type, here, headers) => {
    const listener = createSocket(type).bind(0, here);
    await once(listener, 'listening');
    const heard = once(listener, 'message');
    await probe({ from: here, to: here, port: portOf(listener) }, 1430, 50);
    expect(((await heard) as [Buffer])[0].length + headers).toBe(1430);
  });

  it('is answered by IPv6 too', async () => {
    const port = portOf(await answerProbes('::1', 0, (address) => address === '::1'));
    expect(await probe({ from: '::1', to: '::1', port }, 1430, 300)).toBeGreaterThan(0);
  });

  it('is lost where nobody answers', async () => {
    const silent = createSocket('udp4').bind(0, HERE);
    await once(silent, 'listening');
    expect(await ask(portOf(silent))).toBeUndefined();
  });

  it('counts as answered where the kernel says that nobody listens', async () => {
    const socket = createSocket('udp4').bind(0, HERE);
    await once(socket, 'listening');
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    expect(await ask(port)).toBeGreaterThan(0);
  });

  it('is not answered to whoever may not ask', async () => {
    const port = portOf(await answerProbes(HERE, 0, (address) => address !== HERE));
    expect(await ask(port)).toBeUndefined();
  });

  it('that is an answer is not answered: two agents never talk for ever', async () => {
    const port = portOf(await answerProbes(HERE, 0, () => true));
    const asker = createSocket('udp4').bind(0, HERE);
    sockets.push(asker);
    await once(asker, 'listening');
    let answers = 0;
    asker.on('message', () => {
      answers += 1;
    });
    for (const kind of [2, 1])
      asker.send(Buffer.from([...Buffer.from('kadm'), kind, 0, 0, 0, 0, 0, 0, 0, 0]), port, HERE);
    await expect.poll(() => answers).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answers).toBe(1);
  });

  it('is lost, and not an error, where there is no way', async () => {
    expect(await probe({ from: '192.0.2.1', to: HERE, port: 9 }, 64, 50)).toBeUndefined();
  });
});

describe('a series of probes', () => {
  it('tells loss and round trip of the last twenty', () => {
    const series = new ProbeSeries();
    expect(series.summary).toEqual({ sent: 0, loss: 0, lostInRow: 0 });
    for (let count = 0; count < 30; count += 1) series.add(undefined);
    expect(series.answered).toBe(false);
    for (let count = 0; count < 15; count += 1) series.add(count);
    expect(series.summary).toMatchObject({ sent: 20, loss: 0.25, lastMs: 14, averageMs: 7, lostInRow: 0 });
    series.add(undefined);
    expect(series.summary).toMatchObject({ lastMs: 14, lostInRow: 1 });
    expect(series.answered).toBe(true);
  });
});

describe('the verdict on a peer', () => {
  const broken = { lost: 'small', hostAnswers: true, answeredBefore: true, somethingCame: true } as const;

  it('is that it is reached when probes of both sizes are answered', () => {
    expect(judgePeer({ ...broken, lost: undefined })).toEqual({ state: 'reached' });
  });

  it('is that the way is broken when its host answers and its pods’ network does not', () => {
    expect(judgePeer(broken)).toEqual({ state: 'broken', size: 'small' });
    expect(judgePeer({ ...broken, answeredBefore: false, somethingCame: false })).toMatchObject({
      state: 'broken',
    });
  });

  it('is that full-size packets are lost, also where nothing of full size ever came', () => {
    expect(judgePeer({ ...broken, lost: 'full', answeredBefore: false })).toEqual({
      state: 'broken',
      size: 'full',
    });
  });

  it('is none when the host is off, or a firewall may be what is silent', () => {
    expect(judgePeer({ ...broken, hostAnswers: false })).toMatchObject({ state: 'unknown' });
    expect(judgePeer({ ...broken, answeredBefore: false })).toMatchObject({ state: 'unknown' });
  });
});

describe('the verdict on this node', () => {
  const REACHED: PeerState = { state: 'reached' };
  const BROKEN: PeerState = { state: 'broken', size: 'full' };
  const UNKNOWN: PeerState = { state: 'unknown', why: 'off' };

  it.each<[string, PeerState[]]>([
    ['alone', []],
    ['among nodes that are off', [UNKNOWN, UNKNOWN]],
    ['that reaches one of three', [BROKEN, REACHED, BROKEN]],
  ])('is good %s', (_, states) => {
    expect(whyPathBroken(new Map(states.map((state, index) => [`n${index}`, state])))).toBeUndefined();
  });

  it('is bad when it reaches none, though their hosts answer', () => {
    const states = new Map<string, PeerState>([
      ['n2', UNKNOWN],
      ['n3', BROKEN],
      ['n4', BROKEN],
    ]);
    expect(whyPathBroken(states)).toMatch(/full size to the pods of n3 and 1 more/);
  });
});
