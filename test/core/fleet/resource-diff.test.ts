import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffResources, isEmptyDiff, type PlainResource } from '../../../src/core/fleet/resource-diff.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import type { EnvoyResources } from '../../../src/core/traffic/envoy-resources.ts';
import { backend, revision, route, rule, table } from '../traffic/tables.ts';

const v1 = revision('shop', 'v1');
const v2 = revision('shop', 'v2');

function resources(...owners: Parameters<typeof table>[1]): EnvoyResources {
  const built = buildResources(table(1, owners));
  if (built.kind === 'error') throw new Error(built.errors[0]?.message);
  return built.value;
}
const diff = (list: keyof EnvoyResources, before: EnvoyResources, after: EnvoyResources) =>
  diffResources(
    before[list] as readonly object[] as PlainResource[],
    after[list] as readonly object[] as PlainResource[],
  );

describe('what differs', () => {
  it('a step is told by its weights', () => {
    const at = (canary: number) =>
      resources(
        backend('shop', [
          [v1, 10_000 - canary],
          [v2, canary],
        ]),
        route('web', [rule('shop')]),
      );
    expect(diff('routes', at(1_000), at(5_000))).toEqual({
      added: [],
      removed: [],
      changed: [
        {
          name: 'edge',
          fields: [
            {
              path: expect.stringMatching(/^virtualHosts\[web\]\.routes\[[^\]]+\]\.route\.weightedClusters$/),
              from: '90 % shop--v1, 10 % shop--v2',
              to: '50 % shop--v1, 50 % shop--v2',
            },
          ],
        },
      ],
    });
    expect(isEmptyDiff(diff('clusters', at(1_000), at(5_000)))).toBe(true);
  });

  it('resources that came and went, by name', () => {
    const before = resources(backend('shop', [[v1, 10_000]]));
    const after = resources(backend('shop', [[v2, 10_000]]));
    expect(diff('clusters', before, after)).toEqual({ added: ['shop--v2'], removed: ['shop--v1'], changed: [] });
    expect(diff('endpoints', before, after)).toMatchObject({ added: ['shop--v2'], removed: ['shop--v1'] });
  });

  it('hosts by address, times by the clock', () => {
    const at = (port: number, connectTimeoutMs: number) => {
      const addresses = [
        { host: '10.0.0.1', port: 80 },
        { host: '10.0.0.2', port },
      ];
      const one = revision('shop', 'v1', { connectTimeoutMs, endpoints: { kind: 'static', addresses } });
      return resources(backend('shop', [[one, 10_000]]));
    };
    const [before, after] = [at(80, 1_000), at(81, 2_500)];
    expect(diff('clusters', before, after).changed[0]?.fields).toEqual([
      { path: 'connectTimeout', from: '1s', to: '2.5s' },
    ]);
    expect(diff('endpoints', before, after).changed[0]?.fields).toEqual([
      { path: 'endpoints[0].lbEndpoints[10.0.0.2:80]', from: expect.stringContaining('10.0.0.2'), to: null },
      { path: 'endpoints[0].lbEndpoints[10.0.0.2:81]', from: null, to: expect.stringContaining('10.0.0.2') },
    ]);
  });

  it('the order of a list, where nothing else does', () => {
    const at = (...names: string[]) => [{ name: 'r', hosts: names.map((name) => ({ name })) }];
    expect(diffResources(at('a', 'b'), at('b', 'a')).changed[0]?.fields).toEqual([
      { path: 'hosts (order)', from: 'a, b', to: 'b, a' },
    ]);
  });

  it('weights that look alike in percent are told in numbers', () => {
    const at = (weight: number) => [
      {
        name: 'r',
        split: {
          clusters: [
            { name: 'a', weight: { value: 1_000_000 } },
            { name: 'b', weight: { value: weight } },
          ],
        },
      },
    ];
    expect(diffResources(at(1), at(2)).changed[0]?.fields).toEqual([
      { path: 'split.clusters[b].weight.value', from: '1', to: '2' },
    ]);
  });

  it('a long value is cut', () => {
    const [change] = diffResources([{ name: 'r', a: 'x' }], [{ name: 'r', a: 'y'.repeat(9_000) }]).changed;
    expect(change?.fields[0]?.to).toHaveLength(200);
  });
});

describe('a law', () => {
  const leaf = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b'), fc.boolean(), fc.constant(null));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('name', 'x', 'clusters', 'weight', 'value'), tie('value'), { maxKeys: 3 }),
    ),
  }));
  const set = fc.dictionary(fc.constantFrom('r1', 'r2', 'r3'), fc.record({ body: value }), { maxKeys: 3 });
  const list = (all: Readonly<Record<string, object>>): PlainResource[] =>
    Object.entries(all).map(([name, body]) => ({ name, ...body }));

  it('nothing differs exactly where both are equal', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        expect(isEmptyDiff(diffResources(list(a), list(structuredClone(a))))).toBe(true);
        const equal = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
        expect(isEmptyDiff(diffResources(list(a), list(b)))).toBe(equal);
      }),
    );
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
