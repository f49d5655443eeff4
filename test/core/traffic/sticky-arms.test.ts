import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TOTAL_WEIGHT } from '../../../src/core/model/documents.ts';
import { pinnedCluster } from '../../../src/core/model/revision.ts';
import type { StickySpec } from '../../../src/core/model/sticky.ts';
import type { BackendTraffic } from '../../../src/core/model/traffic.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { addsStructure, backendTraffic } from '../../../src/core/traffic/backend-traffic.ts';
import { choicesOf } from '../../../src/core/traffic/sticky-arms.ts';
import { backendState, planSpec, planStep, revision, rollout } from '../../support/rollouts.ts';

const COOKIE: StickySpec = { by: 'cookie' };
const HASH: StickySpec = { by: 'hash', key: { by: 'header', name: 'x-user' } };

/** A rollout through these weights, at the last of them. */
function at(weights: readonly number[], sticky: StickySpec = COOKIE, more: Partial<Rollout> = {}): BackendTraffic {
  const steps = weights.map((weight) => planStep({ weight, sticky }));
  const history = weights.map((weight, step) => ({
    ...{ step, name: 'step', weight, committedAtMs: 0, liveAtMs: 0, leftAtMs: null },
  }));
  const spec = planSpec({ strategy: { name: 'any', steps } });
  return backendTraffic(
    backendState(),
    rollout({ spec, phase: 'stepping', step: weights.length - 1, history, ...more }),
  );
}

/** Share of the users that meet the canary, when everybody comes at every step. */
function usersAtCanary(weights: readonly number[]): number {
  let shares: Readonly<Record<string, number>> = { new: 1 };
  for (let i = 1; i <= weights.length; i += 1) {
    const choices = choicesOf(at(weights.slice(0, i)));
    const next: Record<string, number> = {};
    for (const [cookie, share] of Object.entries(shares)) {
      const own = choices.find(({ match }) => match?.cookies?.[0] !== undefined && cookieOf(match) === cookie);
      const { split } = own ?? choices.at(-1) ?? { split: [] };
      for (const arm of split) {
        const kept = /=([^;]*)/.exec(arm.cookie ?? '')?.[1] ?? cookie;
        next[kept] = (next[kept] ?? 0) + (share * arm.weight) / TOTAL_WEIGHT;
      }
    }
    shares = next;
  }
  return Object.entries(shares).reduce((sum, [cookie, share]) => sum + (cookie.endsWith('.c') ? share : 0), 0);
}

const cookieOf = (match: { readonly cookies?: readonly object[] }) =>
  (match.cookies?.[0] as { readonly value: string } | undefined)?.value ?? '';

describe('a cookie that Serin issues', () => {
  it('holds nobody on the canary whose share falls: behind a jump back all are drawn anew', () => {
    const weights = [1_000, 5_000, 1_000, 5_000];
    const steps = [0, 1, 0, 1];
    const own = (until: number) => {
      const history = steps.slice(0, until).map((step, i) => ({
        ...{ step, name: 'step', weight: weights[i] ?? 0, committedAtMs: i, liveAtMs: i, leftAtMs: null },
      }));
      const { sticky } = at([1_000, 5_000], COOKIE, { history, step: steps[until - 1] ?? 0 });
      if (sticky?.by !== 'cookie') throw new Error('no cookie');
      return sticky;
    };
    const [first, second, again, onward] = [1, 2, 3, 4].map(own);
    expect(second?.tag).toBe(first?.tag);
    // when it went back: nobody's cookie is known, and all are drawn at the lower share
    expect(again?.tag).not.toBe(first?.tag);
    expect(again?.drawn).toEqual([1_000]);
    // then: going forward again, who was drawn since stays
    expect(onward?.tag).toBe(again?.tag);
    expect(onward?.drawn).toEqual([1_000, 5_000]);
  });

  it('gives the canary its share of the users at every step, though nobody of it ever leaves', () => {
    const rising = fc
      .uniqueArray(fc.integer({ min: 1, max: 9_999 }), { minLength: 1, maxLength: 8 })
      .map((weights) => weights.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(rising, (weights) => {
        expect(Math.abs(usersAtCanary(weights) - (weights.at(-1) ?? 0) / TOTAL_WEIGHT)).toBeLessThan(1e-3);
      }),
    );
  });

  it('leaves users of the canary there, and those of stable where they were drawn at this weight', () => {
    const [canary, now, ...others] = choicesOf(at([2_500]));
    expect(canary?.split).toEqual([{ cluster: 'checkout--v2-abc123', weight: TOTAL_WEIGHT }]);
    expect(now?.split).toEqual([{ cluster: 'checkout--v1-abc123', weight: TOTAL_WEIGHT }]);
    expect(others).toHaveLength(1);
  });

  it('is issued to whoever has none, beside those of the service, for as long as the plan may take', () => {
    const cookies = choicesOf(at([2_500]))
      .at(-1)
      ?.split.map(({ cookie }) => cookie?.replace(/=\w+\./, '=tag.'));
    expect(cookies).toEqual([
      'serin-checkout=tag.s2500; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax',
      'serin-checkout=tag.c; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax',
    ]);
  });

  it('says nothing to another rollout, of the same revision either', () => {
    const [first, second] = [at([500]), at([500], COOKIE, { id: 'r2' })];
    expect(first.sticky).not.toEqual(second.sticky);
  });

  it('is not read where all requests go to one arm: on the way back nobody stays with the canary', () => {
    expect(at([500], COOKIE, { phase: 'rolling_back' })).not.toHaveProperty('sticky');
    expect(at([500], COOKIE, { phase: 'promoting' })).not.toHaveProperty('sticky');
    expect(at([0])).not.toHaveProperty('sticky');
    expect(at([10_000])).not.toHaveProperty('sticky');
  });
});

it('what begins to tell users apart is tried out by one Envoy first, and a growing weight is not', () => {
  const plain = at([500], COOKIE, { phase: 'preparing' });
  expect(addsStructure(plain, at([500]))).toBe(true);
  expect(addsStructure(at([500]), at([500, 2_500]))).toBe(false);
  expect(addsStructure(at([500], HASH), at([500, 2_500], HASH))).toBe(false);
});

describe('of several arms', () => {
  const GREEN = { name: 'green', trigger: { revision: 'v3', endpoints: null }, canary: revision('v3') };
  type Weights = readonly [canary: number, green: number];

  function test(all: readonly Weights[], sticky: StickySpec = COOKIE): BackendTraffic {
    const steps = all.map(([weight, green]) => planStep({ weight, weights: { green }, sticky }));
    const history = all.map(([weight], step) => ({
      ...{ step, name: 'step', weight, committedAtMs: 0, liveAtMs: 0, leftAtMs: null },
    }));
    const spec = planSpec({ variants: ['green'], strategy: { name: 'any', steps } });
    const more = { spec, variants: [GREEN], history, step: all.length - 1 };
    return backendTraffic(backendState(), rollout({ ...more, phase: 'stepping' }));
  }

  /** Share of the users by the end of their cookie, when everybody comes at every step. */
  function users(all: readonly Weights[]): { readonly shares: ReadonlyMap<string, number>; readonly left: number } {
    let shares = new Map([['new', 1]]);
    let left = 0;
    for (let i = 1; i <= all.length; i += 1) {
      const choices = choicesOf(test(all.slice(0, i)));
      const next = new Map<string, number>();
      for (const [cookie, share] of shares) {
        const own = choices.find(({ match }) => match !== null && cookieOf(match) === cookie) ?? choices.at(-1);
        for (const arm of own?.split ?? []) {
          const kept = /=([^;]*)/.exec(arm.cookie ?? '')?.[1] ?? cookie;
          const moved = (share * arm.weight) / TOTAL_WEIGHT;
          next.set(kept, (next.get(kept) ?? 0) + moved);
          const wasTested = /\.(c|v-green)$/.test(cookie);
          if (wasTested && kept !== cookie) left += moved;
        }
      }
      shares = next;
    }
    return { shares, left };
  }

  const shareOf = ({ shares }: ReturnType<typeof users>, end: string): number =>
    [...shares].reduce((sum, [cookie, share]) => sum + (cookie.endsWith(end) ? share : 0), 0);

  const weight = fc.integer({ min: 1, max: 4_900 });
  const rising = fc.array(fc.tuple(weight, weight), { minLength: 1, maxLength: 6 }).map((all): readonly Weights[] => {
    const [canary, green] = [0, 1].map((i) => all.map((one) => one[i] ?? 0).toSorted((a, b) => a - b));
    return all.map((_, i) => [canary?.[i] ?? 0, green?.[i] ?? 0]);
  });

  it('each gets its share of the users at every step, and nobody leaves one but stable', () => {
    fc.assert(
      fc.property(rising, (all) => {
        const seen = users(all);
        const [canary, green] = all.at(-1) ?? [0, 0];
        expect(Math.abs(shareOf(seen, '.c') - canary / TOTAL_WEIGHT)).toBeLessThan(2e-3);
        expect(Math.abs(shareOf(seen, '.v-green') - green / TOTAL_WEIGHT)).toBeLessThan(2e-3);
        expect(seen.left).toBe(0);
      }),
    );
  });

  it('every split has all arms in one order and the constant total', () => {
    fc.assert(
      fc.property(rising, (all) => {
        for (const { split } of choicesOf(test(all))) {
          expect(split.reduce((sum, arm) => sum + arm.weight, 0)).toBe(TOTAL_WEIGHT);
          expect(split.every((arm) => arm.weight >= 0)).toBe(true);
        }
        expect(test(all).split.map(({ cluster }) => cluster)).toEqual(
          ['v1', 'v2', 'v3'].map((name) => revision(name).cluster),
        );
      }),
    );
  });

  it('a hash chooses among all of them', () => {
    expect(choicesOf(test([[3_300, 3_300]], HASH))).toEqual([
      { match: null, split: test([[3_300, 3_300]], HASH).split },
    ]);
  });
});

it('a match pins to the arm that it names, in the order in which the matches are written', () => {
  const on = (name: string, arm?: string) => ({
    headers: [{ name, type: 'Present' } as const],
    ...(arm === undefined ? {} : { arm }),
  });
  const matches = [on('a', 'green'), on('b'), on('c'), on('d', 'green')];
  const strategy = { name: 'any', steps: [planStep({ weight: 0, matches })] };
  const green = { name: 'green', trigger: { revision: 'v3', endpoints: null }, canary: revision('v3') };
  const of = { spec: planSpec({ variants: ['green'], strategy }), variants: [green], step: 0 };
  const { pins, pinned } = backendTraffic(backendState(), rollout({ ...of, phase: 'stepping' }));
  const [canary, own] = [pinnedCluster(revision('v2')), pinnedCluster(revision('v3'))];
  expect(pins.map(({ cluster, matches: some }) => [cluster, some.map(({ headers }) => headers[0]?.name)])).toEqual([
    [own, ['a']],
    [canary, ['b', 'c']],
    [own, ['d']],
  ]);
  expect(pinned).toEqual([revision('v2').key, revision('v3').key]);
});
