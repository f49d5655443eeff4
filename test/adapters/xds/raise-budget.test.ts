import { describe, expect, it } from 'vitest';
import { alone, boot, kit, prepared, split } from './rules/variants.ts';

const { stage, connect } = kit();
/** So little that any response uses up all of it for longer than a test lasts. */
const ONE_PUSH = { raiseBytesPerSecond: 1 };

/** Until Envoy has both arms, at 5 %; that first raise is within any budget. */
async function started(limits: { raiseBytesPerSecond: number }) {
  const s = await stage(alone(1), { limits });
  const client = connect(s);
  await boot(client);
  s.feed.set(prepared(2));
  await client.accept('cluster');
  client.request({ type: 'endpoint', names: ['shop--v1', 'shop--v2'] });
  await client.accept('endpoint');
  s.feed.set(split(3, 500));
  await client.accept('route');
  return { s, client };
}

const weights = (response: unknown) =>
  [...JSON.stringify(response).matchAll(/"weight":\{"value":(\d+)\}/g)].map((m) => m[1]);

describe('a budget for raises', () => {
  it('lets a rollback through at once, and what waited never goes out', async () => {
    const { s, client } = await started(ONE_PUSH);
    s.feed.set(split(4, 1_000));
    s.feed.set(split(5, 2_000));
    await client.barrier();
    expect(client.pending('route')).toBe(0);
    s.feed.set(split(6, 100));
    expect(weights((await client.accept('route')).resources)).toEqual(['9900', '100']);
  });

  it('merges the raises that came meanwhile, and the newest goes out', async () => {
    const { s, client } = await started({ raiseBytesPerSecond: 4_000 });
    for (let n = 4; n < 20; n += 1) s.feed.set(split(n, n * 100));
    const seen: (string | undefined)[] = [];
    while (seen.at(-1) !== '1900') seen.push(weights((await client.accept('route')).resources).at(-1));
    expect(seen.length).toBeLessThan(8);
  });

  it('gives an Envoy that comes back what is newest, since another replica may have sent it', async () => {
    const { s } = await started(ONE_PUSH);
    s.feed.set(split(4, 1_000));
    const back = connect(s, { node: { id: 'node-2', cluster: 'edge' } });
    back.request({ type: 'cluster', version: 'what-another-replica-sent' });
    await back.accept('cluster');
    back.request({ type: 'endpoint', names: ['shop--v1', 'shop--v2'] });
    await back.accept('endpoint');
    back.request({ type: 'route', names: ['edge'] });
    expect(weights((await back.accept('route')).resources)).toEqual(['9000', '1000']);
  });

  it('says which revision the store has while Envoys wait for it', async () => {
    const { s, client } = await started(ONE_PUSH);
    s.feed.set(split(4, 1_000));
    await client.barrier();
    expect(s.server.history.newest('edge')?.position.n).toBe(4);
    expect(s.server.history.running('edge')?.position.n).toBe(3);
  });
});
