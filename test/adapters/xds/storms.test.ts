import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { TYPE_URLS } from '../../../src/adapters/xds/xds-types.ts';
import { frame, type H2Peer, openH2Peer, statusOf } from '../../support/h2-peer.ts';
import { alone, boot, credited, kit } from './rules/variants.ts';

const { stage, connect, atEnd } = kit();
const DiscoveryRequest = loadProtoBundle().type('envoy.service.discovery.v3.DiscoveryRequest');
const FIRST = DiscoveryRequest.encode(
  DiscoveryRequest.fromObject({ node: { id: 'peer', cluster: 'edge' }, typeUrl: TYPE_URLS.cluster }),
).finish();

describe('many that come at once', () => {
  it('F22: beyond the burst a new stream is told to come back, those that are there stay, and later ones are served', async () => {
    const s = await stage(alone(1), { limits: { newStreamBurst: 2, newStreamsPerSecond: 20 } });
    const clients = Array.from({ length: 6 }, (_, i) => connect(s, { node: { id: `node-${i}`, cluster: 'edge' } }));
    for (const client of clients) client.request({ type: 'cluster' });
    const refused = await Promise.race(clients.map(({ ended }) => ended));
    expect(refused).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('xds.limits.newStreamsPerSecond'),
    });
    // As an Envoy does: again and again, until it is let in.
    for (let served = false; !served; ) {
      const again = connect(s, { node: { id: 'again', cluster: 'edge' } });
      again.request({ type: 'cluster' });
      served = await Promise.race([again.next('cluster').then(() => true), again.ended.then(() => false)]);
    }
    expect(s.fleet().nodes.filter(({ connected }) => connected).length).toBeGreaterThanOrEqual(2);
  });
});

describe('connections', () => {
  it('of old age say GOAWAY first, then their streams end in order, then they close', async () => {
    const s = await stage(alone(1), { limits: { maxConnectionAgeMs: 500 } });
    const peer = openH2Peer(s.server.port);
    atEnd(() => peer.close());
    const ended = statusOf(peer.open());
    expect(await Promise.race([peer.goaway.then(() => 'goaway'), ended.then(() => 'end')])).toBe('goaway');
    expect(await ended).toBe(status.OK);
    await peer.closed;
  });

  it('F2: of a server that drains say GOAWAY, their streams end in order, and they close', async () => {
    const s = await stage(alone(1));
    const peer = openH2Peer(s.server.port);
    atEnd(() => peer.close());
    const ended = statusOf(peer.open());
    const client = connect(s);
    await boot(client);
    const drained = s.server.drain(5_000);
    expect(await peer.goaway).toBe(0);
    expect(await ended).toBe(status.OK);
    expect(await client.ended).toMatchObject({ code: status.OK });
    await Promise.all([peer.closed, drained]);
  });

  it('that never open a stream are cut off, whether they say anything or not', async () => {
    const s = await stage(alone(1), { limits: { silenceMs: 200 } });
    const mute = await tcp(s.server.port);
    const greeting = openH2Peer(s.server.port);
    atEnd(() => greeting.close());
    await Promise.all([once(mute, 'close'), greeting.closed]);
    const client = connect(s);
    await boot(client);
    await s.until('credit', credited(1));
  });

  it('that never open a stream are bounded in number: the oldest one makes room, and nobody is shut out', async () => {
    const s = await stage(alone(1), { limits: { maxSilentConnections: 3 } });
    const mute: Socket[] = [];
    for (let i = 0; i < 4; i += 1) mute.push(await tcp(s.server.port));
    const [oldest, ...others] = mute;
    if (oldest !== undefined && !oldest.destroyed) await once(oldest, 'close');
    const client = connect(s);
    await boot(client);
    // The client took the place of one more, until it had its stream.
    expect(others.filter(({ destroyed }) => !destroyed).length).toBeGreaterThanOrEqual(2);
  });
});

describe('connections whose streams have all ended', () => {
  it('are cut off after a while, and those with a stream stay', async () => {
    const s = await stage(alone(1), { limits: { silenceMs: 200 } });
    const client = connect(s);
    await boot(client);
    const peer = openH2Peer(s.server.port);
    atEnd(() => peer.close());
    await served(peer);
    await peer.closed;
    await client.barrier();
  });

  it('are cut off also where a stream was refused', async () => {
    const s = await stage(alone(1), { limits: { silenceMs: 200, maxStreams: 0 } });
    const peer = openH2Peer(s.server.port);
    atEnd(() => peer.close());
    expect(await statusOf(peer.open())).toBe(status.RESOURCE_EXHAUSTED);
    await peer.closed;
  });

  it('are bounded in number together with those that never had one: the longest without makes room', async () => {
    const s = await stage(alone(1), { limits: { maxSilentConnections: 2 } });
    const peers: H2Peer[] = [];
    for (let i = 0; i < 3; i += 1) {
      const peer = openH2Peer(s.server.port);
      atEnd(() => peer.close());
      await served(peer);
      peers.push(peer);
    }
    await peers[0]?.closed;
    expect(peers.slice(1).map(({ session }) => session.destroyed)).toEqual([false, false]);
  });
});

/** Opens a stream, asks for something, gets it, and ends the stream. */
async function served(peer: H2Peer): Promise<void> {
  const stream = peer.open();
  stream.write(frame(FIRST));
  await once(stream, 'data');
  const ended = statusOf(stream);
  stream.end();
  expect(await ended).toBe(status.OK);
}

async function tcp(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  atEnd(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}
