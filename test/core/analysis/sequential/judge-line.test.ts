import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Judged, judgeLine } from '../../../../src/core/analysis/sequential/judge-line.ts';
import type { Scrape } from '../../../../src/core/analysis/sequential/scrape.ts';
import { SEQUENTIAL_DEFAULTS, type SequentialSettings } from '../../../../src/core/analysis/sequential/settings.ts';
import { startJudging } from '../../../../src/core/analysis/sequential/state.ts';
import { walk } from '../../../../src/core/analysis/sequential/walk.ts';
import { type Did, judgeAll, settings, Tape } from './tape.ts';

const HISTORY = 20;
const fine: Did = { ok: 995, bad: 5, slow: 20 };

/** One proxy; `canary` gets the share of the weight. */
function at(weight: number, canary: Did = {}, stable: Did = fine) {
  const share = (did: Did, part: number): Did =>
    Object.fromEntries(Object.entries(did).map(([name, value]) => [name, Math.round(value * part)]));
  return {
    p1: { stable: share(stable, (100 - weight) / 100), canary: share({ ...fine, ...canary }, weight / 100) },
  };
}

const history = () => new Tape().times(HISTORY, 0, { p1: { stable: fine } });

/** All ticks, up to the first that decides. */
function judge(scrapes: readonly Scrape[], asked: SequentialSettings = settings(), from = HISTORY): readonly Judged[] {
  const ticks = judgeAll(scrapes, from, asked);
  const end = ticks.findIndex(({ decision: { kind } }) => kind === 'rollback' || kind === 'promote');
  return end === -1 ? ticks : ticks.slice(0, end + 1);
}

const codes = (ticks: readonly Judged[]) => ticks.map(({ decision: { kind, code } }) => `${kind} ${code}`);
const last = (ticks: readonly Judged[]) => codes(ticks).at(-1);

describe('a canary that is worse', () => {
  it.each([
    ['errors', { bad: 100 }, /^error-rate: .* of .* against/],
    ['retries that save it', { retried: 300 }, /^retried-5xx/],
    ['timeouts', { bad: 100, timeouts: 100 }, /./],
    ['slow answers', { slow: 400 }, /^latency/],
    ['requests that never end', { ok: 500, hanging: 495 }, /^error-rate/],
  ] as const)('goes back for %s', (_what, canary, reason) => {
    const ticks = judge(history().times(8, 10, at(10)).times(40, 10, at(10, canary)).scrapes);
    expect(last(ticks)).toBe('rollback EVIDENCE');
    expect(ticks.at(-1)?.decision.reason).toMatch(reason);
  });

  it('takes two scrapes at least, however bad it is', () => {
    const ticks = judge(history().times(10, 10, at(10, { ok: 0, bad: 1_000 })).scrapes);
    const evidence = ticks.map(({ lnE }) => lnE.combined);
    const first = evidence.findIndex((value) => value > 1);
    expect(last(ticks)).toBe('rollback EVIDENCE');
    expect(ticks).toHaveLength(first + 2);
    expect(evidence[first]).toBeCloseTo(Math.log(100) / 2);
  });

  it('stops the weight from growing before it goes back', () => {
    const ticks = judge(
      history()
        .times(7, 10, at(10))
        .times(20, 10, at(10, { bad: 15 })).scrapes,
    );
    expect(codes(ticks)).toContain('hold SUSPICION');
  });

  it('is harmless below the floor, however many times worse', () => {
    const errors = { count: ['5xx'], floor: 0.05, max: null };
    const tape = history().times(40, 10, at(10, { bad: 30 }));
    expect(last(judge(tape.scrapes))).toBe('rollback EVIDENCE');
    expect(codes(judge(tape.scrapes, settings({ errors })))).not.toContain('rollback EVIDENCE');
  });
});

describe('a canary that is as good', () => {
  it('may leave a step when its time is over, and is promoted when a regression would have been seen', () => {
    const ticks = judge(history().times(5, 10, at(10)).times(60, 50, at(50)).scrapes);
    expect(codes(ticks)).toContain('advance OK');
    expect(codes(ticks)).toContain('hold DWELL');
    expect(last(ticks)).toBe('promote OK');
  });

  it('is not promoted on too few requests, however long that takes', () => {
    const few = { ok: 10, bad: 0, slow: 0 };
    const fleet = { p1: { stable: few, canary: few } };
    const ticks = judge(history().times(5, 10, at(10)).times(30, 50, fleet).scrapes);
    expect(last(ticks)).toBe('hold POWER');
    expect(ticks.at(-1)?.decision.reason).toMatch(/5-fold/);
  });

  it('needs as many requests where latency has no history yet as where it has one', () => {
    const asked = settings({ latency: { ...SEQUENTIAL_DEFAULTS.latency, objectives: [{ ms: 250, max: null }] } });
    const good: Did = { ok: 1_000 };
    const weighted = (tape: Tape) => {
      const both = (weight: number) => ({ p1: { stable: good, canary: weight === 10 ? { ok: 100 } : good } });
      return tape.times(5, 10, both(10)).times(60, 50, both(50)).scrapes;
    };
    const known = judge(weighted(new Tape().times(HISTORY, 0, { p1: { stable: good } })), asked);
    const unknown = judge(weighted(new Tape()), asked, 0);
    expect([last(known), last(unknown)]).toEqual(['promote OK', 'promote OK']);
    expect(unknown.length).toBeLessThanOrEqual(known.length);
  });

  it.each([
    ['hold', 'hold POWER'],
    ['rollback', 'rollback DEADLINE'],
    ['promote', 'promote DEADLINE'],
  ] as const)('ends at the deadline as the plan says: %s', (onInconclusive, expected) => {
    const few = { ok: 10, bad: 0, slow: 0 };
    const asked = settings({ onInconclusive, deadlineMs: 300_000 });
    const tape = history().times(5, 10, at(10));
    tape.times(40, 50, { p1: { stable: few, canary: few } });
    expect(last(judge(tape.scrapes, asked))).toBe(expected);
  });

  it.each([
    ['hold', 'hold POWER', 'hold POWER'],
    ['rollback', 'hold POWER', 'rollback DEADLINE'],
    ['promote', 'hold POWER', 'advance DEADLINE'],
  ] as const)(
    'needs as many before all requests go to it, when nothing is left to compare with: %s',
    (onInconclusive, before, after) => {
      const few = { ok: 10, bad: 0, slow: 0 };
      const steps = [...settings().steps, { weight: 100, holdMs: 60_000, pinned: false, sticky: false }];
      const asked = settings({ steps, onInconclusive, deadlineMs: 450_000 });
      const tape = history().times(5, 10, at(10));
      tape.times(40, 50, { p1: { stable: few, canary: few } });
      const ticks = judge(tape.scrapes, asked);
      expect(codes(ticks)).toContain('advance OK');
      expect(codes(ticks).at(5 + 20)).toBe(before);
      expect(last(ticks)).toBe(after);
      expect(last(judge(history().times(5, 10, at(10)).times(60, 50, at(50)).scrapes, asked))).toBe('advance OK');
    },
  );

  it('is not blamed for an incident that stable shares', () => {
    const errors = { count: ['5xx'], floor: null, max: 0.02 };
    const bad: Did = { ok: 900, bad: 100, slow: 20 };
    const tape = history()
      .times(8, 10, at(10))
      .times(8, 10, at(10, bad, bad));
    const ticks = judge(tape.scrapes, settings({ errors }));
    expect(last(ticks)).toBe('hold SHARED_INCIDENT');
    const after = judge(tape.times(20, 10, at(10)).scrapes, settings({ errors }));
    expect(last(after)).toBe('advance OK');
  });

  it('goes back over its limit where stable is below, even within the margin', () => {
    const errors = { count: ['5xx'], floor: null, max: 0.02 };
    const ticks = judge(history().times(60, 50, at(50, { bad: 40 }, { ok: 985, bad: 14, slow: 20 })).scrapes, {
      ...settings({ errors, margin: 4 }),
    });
    expect(last(ticks)).toBe('rollback OVER_LIMIT');
  });

  it('does not fail by 4xx, unless the plan says so', () => {
    const arm = (code429: number, all: number) => ({ rq_xx: { 2: all - code429, 4: code429 }, rq: { 429: code429 } });
    const scrapes = Array.from({ length: 60 }, (_, i): Scrape => {
      const proxies = { p: { stable: arm(i, i * 900), ...(i < HISTORY ? {} : { canary: arm(i * 20, i * 100) }) } };
      return { t: i * 15_000, weight: i < HISTORY ? 0 : 10, proxies };
    });
    expect(codes(judge(scrapes))).not.toContain('rollback EVIDENCE');
    const errors = { count: ['5xx', '429'], floor: null, max: null };
    expect(last(judge(scrapes, settings({ errors })))).toBe('rollback EVIDENCE');
  });
});

describe('missing evidence', () => {
  it('holds, whoever is silent', () => {
    const tape = history().times(6, 10, at(10)).times(6, 10, {});
    expect(last(judge(tape.scrapes))).toBe('hold NO_DATA');
  });

  it('goes back when the canary alone is silent for too long', () => {
    const tape = history()
      .times(6, 10, at(10))
      .times(25, 10, { p1: { stable: fine } });
    const ticks = judge(tape.scrapes);
    expect(last(ticks)).toBe('rollback CANARY_SILENT');
    expect(ticks).toHaveLength(6 + 20);
  });

  it('holds for good when both are silent: that is an outage of the monitoring', () => {
    const tape = history().times(6, 10, at(10)).times(60, 10, {});
    expect(last(judge(tape.scrapes))).toBe('hold NO_DATA');
  });

  it('does not blame the canary for the time that both were silent', () => {
    const tape = history()
      .times(6, 10, at(10))
      .times(24, 10, {})
      .add(10, { p1: { stable: fine } });
    expect(last(judge(tape.scrapes))).toBe('hold NO_DATA');
  });

  it('never promotes a canary that gets no request', () => {
    const silent = { p1: { stable: fine, canary: {} } };
    const ticks = judge(history().times(3, 10, silent).times(40, 50, silent).scrapes);
    expect(last(ticks)).toMatch(/^hold (NO_REQUESTS|ROUTING)$/);
  });

  it('says nothing while a step is not live everywhere', () => {
    expect(last(judge(history().times(3, null, at(10)).scrapes))).toBe('hold NOT_LIVE');
  });
});

describe('a share that is not the wanted one', () => {
  it('holds until a person acts', () => {
    const wrong = { p1: { stable: { ok: 850 }, canary: { ok: 150 } } };
    const ticks = judge(history().times(8, 10, wrong).times(40, 10, at(10)).scrapes);
    expect(last(ticks)).toBe('hold ROUTING');
  });

  const fleetWith = (last: { readonly stable: Did; readonly canary: Did }) => ({
    ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`e${i}`, { stable: { ok: 90 }, canary: { ok: 10 } }])),
    last,
  });
  const old = { stable: { ok: 50 }, canary: { ok: 0 } };
  const good = { stable: { ok: 45 }, canary: { ok: 5 } };

  it('holds for one Envoy whose table is old, where the fleet is within its tolerance, and names it', () => {
    const ticks = judge(history().times(12, 10, fleetWith(old)).scrapes);
    expect(last(ticks)).toBe('hold ROUTING');
    expect(ticks.at(-1)?.lnE.srm).toBeLessThan(0);
    expect(ticks.at(-1)?.decision.reason).toMatch(
      /^routing: the canary gets 9\.47 % of the requests, wanted are 10 % \(\d+ of \d+ at this weight\); off by itself: last 0 % \(0 of \d+\)$/,
    );
  });

  it('names who is off where the fleet is, too, and nobody where all are alike', () => {
    const wrong = {
      p1: { stable: { ok: 850 }, canary: { ok: 150 } },
      p2: { stable: { ok: 900 }, canary: { ok: 100 } },
    };
    expect(judge(history().times(8, 10, wrong).scrapes).at(-1)?.decision.reason).toMatch(
      /off by itself: p1 15 % \([^)]*\)$/,
    );
    const slightly = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`e${i}`, { stable: { ok: 87 }, canary: { ok: 13 } }]),
    );
    const alike = judge(history().times(6, 10, slightly).scrapes).find(({ decision }) => decision.code === 'ROUTING');
    expect(alike?.decision.reason).toMatch(/^routing: the canary gets 13 % .* at this weight\)$/);
  });

  it('begins anew with each weight: an Envoy that takes the next table is no mismatch', () => {
    const few = history()
      .times(4, 10, fleetWith(old))
      .times(20, 50, {
        ...Object.fromEntries(
          Array.from({ length: 9 }, (_, i) => [`e${i}`, { stable: { ok: 50 }, canary: { ok: 50 } }]),
        ),
        last: { stable: { ok: 25 }, canary: { ok: 25 } },
      });
    expect(codes(judge(few.scrapes))).not.toContain('hold ROUTING');
    expect(codes(judge(history().times(30, 10, fleetWith(good)).scrapes))).not.toContain('hold ROUTING');
  });

  it('is not looked at by Envoy where users stay with an arm: one Envoy may have a few of them', () => {
    const asked = settings({ steps: [{ weight: 10, holdMs: 0, pinned: false, sticky: true }] });
    expect(codes(judge(history().times(12, 10, fleetWith(old)).scrapes, asked))).not.toContain('hold ROUTING');
  });

  it('goes back when it is more than twice as much', () => {
    const wrong = { p1: { stable: { ok: 700 }, canary: { ok: 300 } } };
    expect(last(judge(history().times(10, 10, wrong).scrapes))).toBe('rollback ROUTING');
  });

  it('is not looked at where requests are pinned as well', () => {
    const asked = settings({ steps: [{ weight: 10, holdMs: 0, pinned: true, sticky: false }] });
    const wrong = { p1: { stable: { ok: 700 }, canary: { ok: 300 } } };
    expect(codes(judge(history().times(10, 10, wrong).scrapes, asked))).not.toContain('rollback ROUTING');
  });
});

describe('where several things hold at once', () => {
  const askew = (canary: Did = {}) => {
    const fleet = at(15, canary);
    return history().times(30, 10, at(15)).times(20, 10, fleet).scrapes;
  };

  it('harm that is proven goes back, though the share is wrong', () => {
    const ticks = judge(askew({ bad: 100 }));
    expect(codes(ticks)).toContain('hold ROUTING');
    expect(last(ticks)).toBe('rollback EVIDENCE');
    // With a good canary it is held for good.
    expect(last(judge(askew()))).toBe('hold ROUTING');
  });

  it('and so it does in an incident that stable shares', () => {
    const asked = settings({ errors: { ...SEQUENTIAL_DEFAULTS.errors, max: 0.02 } });
    const ill = { ok: 950, bad: 50, slow: 20 };
    const tape = history()
      .times(20, 10, at(10, ill, ill))
      .times(20, 10, at(10, { ok: 700, bad: 300 }, ill));
    const ticks = judge(tape.scrapes, asked);
    expect(codes(ticks)).toContain('hold SHARED_INCIDENT');
    expect(last(ticks)).toBe('rollback EVIDENCE');
  });

  it('a share that is wrong is told before an incident, and an incident before suspicion', () => {
    const asked = settings({ errors: { ...SEQUENTIAL_DEFAULTS.errors, max: 0.02 } });
    const ill = { ok: 950, bad: 50, slow: 20 };
    const both = history().times(30, 10, at(15, ill, ill)).scrapes;
    expect(last(judge(both, asked))).toBe('hold ROUTING');
  });
});

describe('laws', () => {
  const did = fc.record({
    ok: fc.integer({ min: 0, max: 500 }),
    bad: fc.integer({ min: 0, max: 20 }),
    slow: fc.integer({ min: 0, max: 20 }),
  });
  const fleet = fc.record({ a: fc.record({ stable: did, canary: did }), b: fc.record({ stable: did, canary: did }) });
  const rollout = fc.tuple(fc.array(fleet, { minLength: 1, maxLength: 12 }), fc.array(fleet, { maxLength: 8 }));

  const tapeOf = ([first, second]: readonly (readonly Parameters<Tape['add']>[1][])[]) => {
    const tape = history();
    for (const one of first ?? []) tape.add(10, one);
    for (const one of second ?? []) tape.add(50, one);
    return tape.scrapes;
  };

  it('the order of proxies changes nothing', () => {
    fc.assert(
      fc.property(rollout, (fleets) => {
        const scrapes = tapeOf(fleets);
        const turned = scrapes.map((scrape) => {
          return { ...scrape, proxies: Object.fromEntries(Object.entries(scrape.proxies).reverse()) };
        });
        expect(judge(turned).map(({ lnE }) => lnE)).toEqual(judge(scrapes).map(({ lnE }) => lnE));
      }),
    );
  });

  it('what is remembered survives as JSON, so another replica goes on the same way', () => {
    fc.assert(
      fc.property(rollout, (fleets) => {
        const asked = settings();
        const { read } = walk(asked);
        let [kept, stored] = [startJudging(asked), startJudging(asked)];
        for (const scrape of tapeOf(fleets)) {
          const line = read(scrape);
          const [a, b] = [judgeLine(asked, kept, line), judgeLine(asked, stored, line)];
          expect(b.decision).toEqual(a.decision);
          expect(b.lnE).toEqual(a.lnE);
          kept = a.state;
          stored = JSON.parse(JSON.stringify(b.state)) as typeof stored;
        }
      }),
    );
  });

  it('nothing but numbers comes out, and the sum never rises by more than its clip', () => {
    fc.assert(
      fc.property(rollout, (fleets) => {
        let before = 0;
        for (const { lnE } of judge(tapeOf(fleets))) {
          for (const value of Object.values(lnE)) if (value !== null) expect(Number.isFinite(value)).toBe(true);
          expect(lnE.combined - before).toBeLessThanOrEqual(Math.log(100) / 2 + 1e-9);
          before = lnE.combined;
        }
      }),
    );
  });
});
