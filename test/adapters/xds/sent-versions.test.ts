import { afterEach, describe, expect, it } from 'vitest';
import { SentVersions } from '../../../src/adapters/xds/sent-versions.ts';
import { backend, revision, route, rule, table } from '../../core/traffic/tables.ts';
import { openXdsClient } from '../../support/xds-client.ts';
import { stage } from './stage.ts';

const v1 = revision('shop', 'v1');
const v2 = revision('shop', 'v2');
const web = route('web', [rule('shop')]);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it('knows nothing of an answer to what was not sent, or long ago', () => {
  const versions = new SentVersions();
  expect(versions.answered('route', '1')).toBeNull();
  for (let i = 0; i < 100; i += 1) versions.sent('route', `${i}`, { version: `v${i}`, trial: null });
  expect(versions.answered('route', '0')).toBeNull();
  expect(versions.answered('route', '98')).toMatchObject({ version: 'v98' });
  expect(versions.answered('route', '97')).toBeNull();
});

describe.each([
  { protocol: 'sotw', aggregated: true },
  { protocol: 'delta', aggregated: true },
  { protocol: 'sotw', aggregated: false },
  { protocol: 'delta', aggregated: false },
] as const)('a node on $protocol, aggregated: $aggregated', (variant) => {
  it('is known by what it was sent, took and refused, type by type', async () => {
    const s = await stage(table(1, [backend('shop', [[v1, 10_000]], { revisions: [v1, v2] }), web]));
    ends.push(() => s.stop());
    const client = openXdsClient({ port: s.server.port, ...variant });
    ends.push(() => client.close());
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    client.request({ type: 'route', names: ['edge'] });
    const first = await client.next('route');
    const types = () => s.fleet().nodes[0]?.types ?? [];
    const routes = () => types().find(({ type }) => type === 'route');
    expect(routes()).toMatchObject({ protocol: variant.protocol, acked: null, nack: null });
    expect(routes()?.stream).toBe(variant.aggregated ? 'aggregated' : 'own');
    const taken = routes()?.sent;
    client.ack(first);
    await s.until('the ACK', ({ nodes }) => nodes[0]?.routes?.n === 1);
    expect(routes()).toMatchObject({ sent: taken, acked: taken });
    expect(types().map(({ type }) => type)).toEqual(['cluster', 'route']);

    s.feed.set(
      table(2, [
        backend('shop', [
          [v1, 9_000],
          [v2, 1_000],
        ]),
        web,
      ]),
    );
    client.nack(await client.next('route'), 'no such thing');
    await s.until('the refusal', ({ nodes }) => nodes[0]?.nack !== null);
    expect(routes()?.acked).toBe(taken);
    expect(routes()?.sent).not.toBe(taken);
    expect(routes()?.nack).toMatchObject({ version: routes()?.sent, message: 'no such thing' });
    expect(s.fleet().nodes[0]).toMatchObject({ routes: { n: 1 }, nack: { type: 'route', position: { n: 2 } } });
  });
});
