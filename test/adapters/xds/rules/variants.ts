import { afterEach, describe } from 'vitest';
import { backend, revision, route, rule, table } from '../../../core/traffic/tables.ts';
import { openXdsClient, type XdsClient, type XdsClientOptions, type XdsVariant } from '../../../support/xds-client.ts';
import { stage as openStage, type Stage } from '../stage.ts';

export const v1 = revision('shop', 'v1');
export const v2 = revision('shop', 'v2', {
  endpoints: { kind: 'static', addresses: [{ host: '127.0.0.1', port: 8082 }] },
});
export const web = route('web', [rule('shop')]);
/** Only v1, and the canary at a weight; `n` is the fleet revision. */
export const alone = (n: number) => table(n, [backend('shop', [[v1, 10_000]]), web]);
export const prepared = (n: number) => table(n, [backend('shop', [[v1, 10_000]], { revisions: [v1, v2] }), web]);
export const split = (n: number, weight: number) =>
  table(n, [
    backend('shop', [
      [v1, 10_000 - weight],
      [v2, weight],
    ]),
    web,
  ]);

export const credited =
  (n: number, id = 'node-1') =>
  ({ nodes }: { nodes: readonly { nodeId: string; credited: { n: number } | null }[] }) =>
    nodes.find(({ nodeId }) => nodeId === id)?.credited?.n === n;

/** Like an Envoy at start: clusters, their endpoints, then routes, each ACKed. */
export async function boot(client: XdsClient, services: readonly string[] = ['shop--v1']): Promise<void> {
  client.request({ type: 'cluster' });
  await client.accept('cluster');
  client.request({ type: 'endpoint', names: services });
  await client.accept('endpoint');
  client.request({ type: 'route', names: ['edge'] });
  await client.accept('route');
}

export interface Kit {
  stage(...args: Parameters<typeof openStage>): Promise<Stage>;
  connect(stage: Stage, options?: Partial<XdsClientOptions>): XdsClient;
  /** Runs this when the test is over. */
  atEnd(end: () => unknown): void;
}

/** Servers and clients that are ended after each test, latest first. */
export function kit(variant: Partial<XdsVariant> = {}): Kit {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  return {
    async stage(...args) {
      const opened = await openStage(...args);
      ends.push(() => opened.stop());
      return opened;
    },
    connect({ server }, options = {}) {
      const client = openXdsClient({ port: server.port, ...variant, ...options });
      ends.push(() => client.close());
      return client;
    },
    atEnd: (end) => void ends.push(end),
  };
}

const VARIANTS: readonly (readonly [string, XdsVariant])[] = [
  ['state of the world, aggregated', { protocol: 'sotw', aggregated: true }],
  ['state of the world, a stream per type', { protocol: 'sotw', aggregated: false }],
  ['delta, aggregated', { protocol: 'delta', aggregated: true }],
  ['delta, a stream per type', { protocol: 'delta', aggregated: false }],
];

type Tests = (context: Kit & { readonly variant: XdsVariant; readonly delta: boolean }) => void;

/** Runs tests in all variants, or in those of one protocol. */
export function forEachVariant(tests: Tests, only?: XdsVariant['protocol']): void {
  const wanted = VARIANTS.filter(([, { protocol }]) => only === undefined || protocol === only);
  describe.each(wanted)('%s', (_name, variant) => {
    tests({ ...kit(variant), variant, delta: variant.protocol === 'delta' });
  });
}
