import { describe, expect, it } from 'vitest';
import { inconclusive } from '../../../src/core/analysis/with-queries.ts';
import { presentRollout } from '../../../src/surfaces/api/present.ts';
import type { VerdictPoint } from '../../../src/surfaces/api/verdict-schemas.ts';
import { explainLines } from '../../../src/surfaces/cli/explain.ts';
import { planSpec, planStep, push, rollout } from '../../support/rollouts.ts';

const point = (minute: number, fields: Partial<VerdictPoint> = {}): VerdictPoint => ({
  ...{
    at: `2026-01-01T00:0${minute}:00.000Z`,
    step: 0,
    weight: 5,
    decision: 'hold',
    missing: 'error-rate LOW_POWER: wait',
  },
  metrics: [
    {
      ...{ metric: 'error-rate', value: 0.05, baseline: 0.005, requests: 400 },
      ...{ ratio: { low: 4.2, high: null }, evidence: { e: 12.5, limit: 100 } },
    },
    { metric: 'latency', value: 0.01, baseline: 0.01, requests: 400, ratio: { low: 0.5, high: 1.9 }, evidence: null },
  ],
  ...fields,
});
const body = (fields: Parameters<typeof rollout>[0] = {}) =>
  presentRollout({ rev: 1, rollout: rollout(fields), laggards: [] });

describe('explaining an A/B test', () => {
  const metric = { kind: 'share', name: 'buys', wanted: 'higher', users: 'u', successes: 's' } as const;
  const steps = [planStep({ weight: 5_000, sticky: { by: 'cookie' } })];
  const spec = planSpec({ strategy: { name: 'any', steps }, readout: [metric] });
  const arms = (stable: number, canary: number) => ({
    weight: 5_000,
    stable: { users: 3_000, sum: stable, squares: stable },
    canary: { users: 3_000, sum: canary, squares: canary },
  });
  const seen = (stable: number, canary: number) => {
    const block = arms(stable, canary);
    const readout = [{ name: 'buys', atMs: 0, blocks: [block], last: block }];
    return explainLines(body({ phase: 'stepping', spec, readout }), []);
  };

  it('says how the arms compare, how sure that is, and what of it is for looking at alone', () => {
    expect(seen(300, 330)).toEqual([
      'checkout: v2 against v1 is stepping.',
      'v2 against v1, as users saw it:',
      expect.stringMatching(
        /^ {2}buys: 11 % of 3000 users, stable 10 % of 3000; lift -[\d.]+ % to [\d.]+ %; undecided; better with probability 8\d(\.\d)? % \(descriptive only\)$/,
      ),
    ]);
    expect(seen(300, 420).at(-1)).toContain('the canary is the winner');
  });

  it('says why it says nothing', () => {
    expect(seen(300, 3_001).at(-1)).toContain('an arm has more successes than users');
  });
});

it('explaining a rollout that waits for its window says when that opens, judged or not', () => {
  const waitingFor = 'its window to open, Mon 2026-11-30 09:00 Europe/Berlin';
  const waiting = body({ phase: 'stepping', step: 0, waitingFor });
  expect(explainLines(waiting, [])).toContain(`It was not judged yet; it waits for ${waitingFor}.`);
  expect(explainLines(waiting, [point(1, { decision: 'advance', missing: null })])).toContain(
    `That lets it go on; it waits for ${waitingFor}.`,
  );
});

describe('explaining a rollout that waits for a hook', () => {
  const webhook = { target: 'load-test', everyMs: 1, timeoutMs: 1, withinMs: null, otherwise: 'rollback' } as const;
  const spec = planSpec({ strategy: { name: 'any', steps: [planStep({ webhook })] } });
  const gate = { attempt: 1, sinceMs: 0, ask: 3, pendingUntilMs: null, nextAtMs: 9, failed: 0 };
  const seen = (kind: 'open' | 'wait', attempt = 1) =>
    body({
      ...{ phase: 'stepping', step: 0, attempt, spec },
      hook: { ...gate, answer: { kind, detail: 'HTTP 403: tests run', atMs: 5_000 } },
    });

  it('says who is asked, how often, and what it said last', () => {
    expect(seen('wait').hook).toEqual({
      ...{ target: 'load-test', since: '1970-01-01T00:00:00.000Z', asked: 3 },
      answer: { kind: 'wait', detail: 'HTTP 403: tests run', at: '1970-01-01T00:00:05.000Z' },
    });
    expect(explainLines(seen('wait'), [])).toContain(
      'Hook load-test keeps the gate of the step shut since 1970-01-01T00:00:00.000Z; asked 3 times, the last answer, 1970-01-01T00:00:05.000Z: HTTP 403: tests run.',
    );
  });

  it('says nothing of it once the gate is open, or was that of another step', () => {
    expect(explainLines(seen('open'), []).join()).not.toContain('load-test');
    expect(seen('wait', 2).hook).toBeNull();
  });
});

describe('explaining a rollout', () => {
  it('says what was compared, how sure it is and what is missing', () => {
    const lines = explainLines(body({ phase: 'stepping' }), [point(1), point(2)]);
    expect(lines).toEqual([
      'checkout: v2 against v1 is stepping.',
      'The last look, 2026-01-01T00:02:00.000Z, at 5 % to the canary:',
      '  error-rate: 5 % of 400 requests, v1 0.5 %; at least 4.2 times as bad; evidence of harm 12.5, it goes back at 100',
      '  latency: 1 % of 400 requests, v1 1 %; between 0.5 and 1.9 times as bad',
      'Requests to the canary that were seen to fail: 20.',
      'It holds. Missing: error-rate LOW_POWER: wait',
      'How it came about:',
      '  AT                        WEIGHT  DECISION  EVIDENCE OF HARM',
      '  2026-01-01T00:01:00.000Z  5 %     hold      12.5',
      '  2026-01-01T00:02:00.000Z  5 %     hold      12.5',
    ]);
  });

  it('counts those hurt by each backend of a joint rollout', () => {
    const { metrics } = point(1);
    const of = (backend: string) => metrics.map((one) => ({ ...one, metric: `${one.metric} (${backend})` }));
    const lines = explainLines(body({ phase: 'stepping' }), [
      point(1, { metrics: [...of('checkout'), ...of('cart')] }),
    ]);
    expect(lines).toContain('Requests to the canary that were seen to fail: 40.');
  });

  it('says the score of each look, where the judge is one that gives scores, and how each metric was classified', () => {
    const none = { baseline: null, requests: null, ratio: null, evidence: null };
    const of = (metric: string, more: object) => ({
      ...none,
      metric,
      value: 0.02,
      baseline: 0.01,
      requests: 900,
      ...more,
    });
    const look = (minute: number, score: VerdictPoint['metrics'][number]['score'], more: object) =>
      point(minute, {
        metrics: [
          { ...none, metric: 'kayenta', value: null, ...(score === undefined ? {} : { score }) },
          of('error-rate', more),
          of('latency', { classification: 'Pass' }),
        ],
      });
    const high = { classification: 'High', critical: true };
    const marginal = { value: 80, classification: 'Marginal' } as const;
    const lines = explainLines(body({ phase: 'stepping' }), [
      look(1, undefined, {}),
      look(2, { value: null, classification: 'Nodata' }, { classification: 'Nodata' }),
      look(3, marginal, { classification: 'High' }),
      look(4, marginal, { classification: 'High' }),
      look(5, { value: 0, classification: 'Fail' }, high),
    ]);
    expect(lines.slice(2, 5)).toEqual([
      '  kayenta: score 0 of 100, Fail',
      '  error-rate: 2 % of 900 requests, v1 1 %; High (critical)',
      '  latency: 2 % of 900 requests, v1 1 %; Pass',
    ]);
    expect(lines.slice(-5)).toEqual([
      '  AT                        WEIGHT  DECISION  SCORE',
      '  2026-01-01T00:01:00.000Z  5 %     hold      -',
      '  2026-01-01T00:02:00.000Z  5 %     hold      none: error-rate Nodata, latency Pass',
      '  2026-01-01T00:03:00.000Z  5 %     hold      80 Marginal: error-rate High, latency Pass',
      '  2026-01-01T00:05:00.000Z  5 %     hold      0 Fail: error-rate High (critical), latency Pass',
    ]);
  });

  it('says in full what is missing, where the plot had no room for it', () => {
    const detail = `${'0 of 3424 requests; '.repeat(8)}about 6900 more requests to the canary are needed`;
    const verdicts = [inconclusive('error-rate', 'LOW_POWER', detail)];
    const evidence = { judgedAtMs: 1, inconclusiveSinceMs: 1, verdicts };
    const missing = `${`error-rate LOW_POWER: ${detail}`.slice(0, 99)}…`;
    const held = body({ phase: 'stepping', evidence });
    expect(explainLines(held, [point(1, { missing })])).toContain(`It holds. Missing: error-rate LOW_POWER: ${detail}`);
    const over = body({ phase: 'aborted', evidence });
    expect(explainLines(over, [point(1, { missing })])).toContain(`It holds. Missing: ${missing}`);
  });

  it('says of a bake how long it lasts, and counts those hurt in it beside those of the last step', () => {
    const spec = planSpec({ bakeMs: 600_000 });
    const baking = body({ phase: 'promoting', spec, push: push([], { liveAtMs: 1_000 }) });
    const lines = explainLines(baking, [point(1), point(2, { weight: 100 })]);
    expect(lines[1]).toBe(
      'All requests go to v2 since 1970-01-01T00:00:01.000Z; it bakes until 1970-01-01T00:10:01.000Z at least.',
    );
    expect(lines).toContain('Requests to the canary that were seen to fail: 40.');
  });

  it('says who took it to another step, and counts those hurt in a step that came twice', () => {
    const at = (minute: number) => Date.parse(`2026-01-01T00:0${minute}:00.000Z`);
    const entry = (step: number, minute: number) => ({
      ...{ step, name: 'x', weight: 500, committedAtMs: at(minute) - 1, liveAtMs: at(minute) - 1, leftAtMs: null },
    });
    const jumps = [{ by: 'ann', atMs: at(3), from: 1, to: 0, reason: 'too much', gates: [] }];
    const history = [entry(0, 1), entry(1, 2), entry(0, 3)];
    const lines = explainLines(body({ phase: 'stepping', history, jumps }), [
      ...[point(1), point(2, { step: 1 }), point(3), point(4)],
    ]);
    expect(lines[1]).toBe('It was taken from step 2 to step 1 by ann, 2026-01-01T00:03:00.000Z: too much.');
    expect(lines).toContain('Requests to the canary that were seen to fail: 60.');
  });

  it('tells a bake from a step of all requests before it', () => {
    const all = { step: 1, weight: 100, decision: 'advance' } as const;
    const entry = { step: 1, name: 'all', weight: 10_000, committedAtMs: 0, liveAtMs: 0 };
    const leftAtMs = Date.parse('2026-01-01T00:02:00.000Z');
    const spec = planSpec({ bakeMs: 600_000 });
    const baking = body({ phase: 'promoting', spec, push: push([]), history: [{ ...entry, leftAtMs }] });
    const looks = [point(1, all), point(2, all), point(3, all), point(4, all)];
    const lines = explainLines(baking, looks);
    expect(lines).toContain('The last look, 2026-01-01T00:04:00.000Z, in the bake:');
    expect(lines).toContain('Requests to the canary that were seen to fail: 40.');
    expect(lines.slice(-4)).toEqual([
      '  AT                        WEIGHT       DECISION  EVIDENCE OF HARM',
      '  2026-01-01T00:01:00.000Z  100 %        advance   12.5',
      '  2026-01-01T00:03:00.000Z  100 %, bake  advance   12.5',
      '  2026-01-01T00:04:00.000Z  100 %, bake  advance   12.5',
    ]);
    expect(explainLines(baking, looks.slice(0, 2))).toContain('Requests to the canary that were seen to fail: 20.');
  });

  it('says of an undo what it takes back', () => {
    expect(explainLines(body({ phase: 'promoted', undoes: 'r0' }), [])).toEqual([
      'checkout: v2 against v1 is promoted.',
      'It takes back rollout r0, by a person and without a canary.',
      'It was never judged.',
    ]);
  });

  it('does not compare what nothing was measured of', () => {
    const [ratio, evidence] = [
      { low: 0, high: null, point: null },
      { e: 1, limit: 100 },
    ];
    const metric = { metric: 'latency', value: null, baseline: null, requests: 0, ratio, evidence };
    const lines = explainLines(body({ phase: 'stepping' }), [point(1, { metrics: [metric] })]);
    expect(lines).toContain('  latency: nothing measured yet');
  });

  it('says how bad it was in the step, and what came too late', () => {
    const metric = { metric: 'error-rate', value: 0.05, baseline: 0.005, requests: 400, evidence: null };
    const words = (ratio: { low: number; high: number | null; point?: number | null }, late?: number) =>
      explainLines(body({ phase: 'stepping' }), [
        point(1, { metrics: [{ ...metric, ratio }], ...(late === undefined ? {} : { late }) }),
      ]).join('\n');
    expect(words({ low: 4.2, high: 20, point: 10 })).toContain('; 10 times as bad, between 4.2 and 20');
    expect(words({ low: 4.2, high: null, point: 10 })).toContain('; 10 times as bad, at least 4.2');
    expect(words({ low: 0, high: null, point: 2 })).toContain('; 2 times as bad; how they compare is open');
    expect(words({ low: 0, high: null, point: null })).not.toContain('late');
    expect(words({ low: 0, high: null }, 1)).toContain('One scrape of an Envoy came too late and was not judged.');
    expect(words({ low: 0, high: null }, 3)).toContain('3 scrapes of Envoys came too late and were not judged.');
  });

  it('says why it went back, and how many requests were hurt in all its steps', () => {
    const cause = {
      kind: 'analysis',
      summary: 'error-rate: bad',
      by: 'serin',
      atMs: 5,
      step: 1,
      verdict: null,
      node: null,
    } as const;
    const lines = explainLines(body({ phase: 'rolled_back', cause }), [
      point(1, { decision: 'advance' }),
      point(2, { step: 1, decision: 'rollback' }),
    ]);
    expect(lines).toContain('It left the straight way because: error-rate: bad');
    expect(lines).toContain('Requests to the canary that were seen to fail: 40.');
    expect(lines).toContain('That sends it back.');
  });

  it('says why it is paused, as long as it is', () => {
    const paused = { by: 'serin', reason: 'routing: the canary gets 30 % of the requests', atMs: 1 };
    const told = (phase: 'stepping' | 'aborted') => explainLines(body({ phase, paused }), [point(1)]);
    expect(told('stepping')[1]).toBe('It is paused by serin: routing: the canary gets 30 % of the requests');
    expect(told('aborted').some((line) => line.startsWith('It is paused'))).toBe(false);
  });

  it('says so where nothing was judged', () => {
    expect(explainLines(body({ phase: 'promoted' }), [])).toEqual([
      'checkout: v2 against v1 is promoted.',
      'It was never judged.',
    ]);
  });
});
