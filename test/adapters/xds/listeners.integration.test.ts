import { get } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import type { ListenerTraffic } from '../../../src/core/model/traffic.ts';
import { backend, revision, route, rule, table } from '../../core/traffic/tables.ts';
import { envoyProcess } from '../../support/envoy-process.ts';
import { freePort } from '../../support/processes.ts';
import { startUpstream } from '../../support/upstream.ts';
import { stage } from './stage.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function servedBy(port: number): Promise<string> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port }, (response) => {
      response.resume();
      resolve(String(response.headers['x-served-by'] ?? response.statusCode));
    }).once('error', () => resolve('nobody'));
  });
}

it('an Envoy that was told nothing but where Serin is takes requests where the fleet says, and moves with it', async () => {
  const upstream = await startUpstream('v1');
  ends.push(() => upstream.close());
  const [host = '', port = ''] = upstream.address.split(':');
  const v1 = revision('shop', 'v1', { endpoints: { kind: 'static', addresses: [{ host, port: Number(port) }] } });
  const [first, second] = [await freePort(), await freePort()];
  const at = (n: number, on: number) => {
    const ingress: ListenerTraffic = { kind: 'listener', listener: 'ingress', address: '127.0.0.1', port: on };
    return table(n, [backend('shop', [[v1, 10_000]]), route('web', [rule('shop')]), ingress]);
  };
  const s = await stage(at(1, first));
  ends.push(() => s.stop());
  const envoy = await envoyProcess('edge-1', 'edge', s.server.port, 'listeners too');
  ends.push(() => envoy.close());
  await envoy.start();
  await s.until('credit', ({ nodes }) => nodes[0]?.credited?.n === 1);
  expect(s.fleet().nodes[0]?.types.map(({ type }) => type)).toEqual(['cluster', 'endpoint', 'listener', 'route']);
  expect(await servedBy(first)).toBe('v1');

  s.feed.set(at(2, second));
  await s.until('credit', ({ nodes }) => nodes[0]?.credited?.n === 2);
  await expect.poll(() => servedBy(second)).toBe('v1');

  // A port that is taken is refused, and the old one goes on.
  s.feed.set(at(3, Number(port)));
  const refused = await s.until('refusal', ({ nodes }) => nodes[0]?.nack != null);
  expect(refused.nodes[0]?.nack).toMatchObject({
    type: 'listener',
    message: expect.stringContaining('Address already in use'),
  });
  expect(await servedBy(second)).toBe('v1');
});
