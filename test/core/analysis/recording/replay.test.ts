import { describe, expect, it } from 'vitest';
import { parseRecording } from '../../../../src/core/analysis/recording/parse-recording.ts';
import {
  type ReplayJudge,
  type ReplayOutcome,
  type ReplayTick,
  replay,
} from '../../../../src/core/analysis/recording/replay.ts';
import { formatError } from '../../../../src/core/model/format-error.ts';
import { type Did, Tape } from '../sequential/tape.ts';

const HISTORY = 10;
const PLAN = {
  steps: [
    { weight: 10, hold: '1m' },
    { weight: 50, hold: '1m' },
  ],
  analysis: [{ use: 'error-rate' }, { use: 'latency', with: { objective: '250ms', warmup: '0s' } }],
};
const fine: Did = { ok: 995, bad: 5, slow: 20 };
const share = (did: Did, part: number): Did =>
  Object.fromEntries(Object.entries(did).map(([name, value]) => [name, Math.round(value * part)]));
const at = (weight: number, canary: Did = {}) => ({
  p1: { stable: share(fine, 1 - weight / 100), canary: share({ ...fine, ...canary }, weight / 100) },
});

function text(tape: Tape, plan: object = PLAN, header: object = {}): string {
  const first = { plan, scrapeMs: 15_000, history: HISTORY, routeTimeoutMs: 0, ...header };
  return [first, ...tape.scrapes].map((line) => JSON.stringify(line)).join('\n');
}

function run(tape: Tape, plan: object = PLAN, judge: ReplayJudge = 'sequential') {
  const parsed = parseRecording('r.jsonl', text(tape, plan));
  if (parsed.kind === 'error') throw new Error(parsed.errors.map(formatError).join('\n'));
  const ticks: ReplayTick[] = [];
  const going = replay(parsed.value, judge);
  let next = going.next();
  for (; next.done !== true; next = going.next()) ticks.push(next.value);
  const outcome: ReplayOutcome = next.value;
  return { ticks, outcome };
}

const history = () => new Tape().times(HISTORY, 0, { p1: { stable: fine } });

describe('a replay', () => {
  it('has a tick for every line after the history', () => {
    const { ticks } = run(history().times(3, 10, at(10)));
    expect(ticks.map(({ t }) => t)).toEqual([11, 12, 13].map((n) => n * 15_000));
  });

  it('ends with the first rollback', () => {
    const tape = history()
      .times(5, 10, at(10))
      .times(30, 10, at(10, { bad: 200 }));
    const { ticks, outcome } = run(tape);
    expect(outcome).toEqual({ outcome: 'rollback', t: ticks.at(-1)?.t });
    expect(ticks.length).toBeLessThan(20);
    expect(ticks.at(-1)?.lnE).toMatchObject({ combined: expect.any(Number), srm: expect.any(Number) });
  });

  it('promotes when the recorded weight is that of the last step, its hold has passed, and enough was seen', () => {
    const { outcome } = run(history().times(6, 10, at(10)).times(60, 50, at(50)));
    expect(outcome.outcome).toBe('promote');
    // Never before: the weight of the recording is the truth, whatever the judge would have liked.
    expect(run(history().times(60, 10, at(10))).outcome.outcome).toBe('hold');
  });

  it('goes on holding to the end of the file, or to the deadline', () => {
    const tape = history().times(40, 10, at(10));
    expect(run(tape).outcome).toEqual({ outcome: 'hold', t: 50 * 15_000 });
    expect(run(tape, { ...PLAN, deadline: '5m' }).outcome).toEqual({ outcome: 'hold', t: 31 * 15_000 });
  });

  it.each(['flagger', 'argo', 'kayenta'] as const)('has %s look at it as well', (judge) => {
    const bad = history().times(60, 10, at(10, { bad: 400, slow: 500 }));
    const { ticks, outcome } = run(bad, { ...PLAN, judge: { name: judge } }, judge);
    expect(outcome.outcome).toBe('rollback');
    expect(ticks.every(({ lnE }) => Object.keys(lnE).length === 0)).toBe(true);
  });

  describe('of a plan with fixed limits', () => {
    const limits = { ...PLAN, judge: { name: 'threshold' } };

    it('is judged by them without being told', () => {
      const parsed = parseRecording('r.jsonl', text(history().add(10, at(10)), limits));
      expect(parsed.kind === 'ok' && parsed.value.header.plan.judge?.name).toBe('threshold');
    });

    it('sends back what is over a limit, and counts nothing from before the step', () => {
      const tape = history()
        .add(null, at(10, { bad: 900 }))
        .add(10, at(10, { bad: 900 }))
        .times(6, 10, at(10))
        .times(9, 10, at(10, { bad: 100 }));
      const { ticks, outcome } = run(tape, limits, 'threshold');
      expect(outcome.outcome).toBe('rollback');
      expect(ticks.slice(0, 2).map(({ decision, reason }) => `${decision} ${reason}`)).toEqual([
        'hold the step is not live yet',
        expect.stringMatching(/^hold error-rate: no request to the canary yet/),
      ]);
      expect(ticks.at(-1)?.reason).toMatch(
        /^error-rate: \d+ of \d+ requests failed \([\d.]+ %, limit 1 %, stable 0\.5/,
      );
    });

    it('lets a step go on when its hold is over, promotes at the last one, and never for want of requests', () => {
      const wide = { ...limits, analysis: [{ use: 'error-rate' }] };
      const { ticks, outcome } = run(history().times(8, 10, at(10)).times(8, 50, at(50)), wide, 'threshold');
      expect([outcome.outcome, ticks.filter(({ decision }) => decision === 'advance').length]).toEqual(['promote', 4]);
      expect(ticks.map(({ reason }) => reason)).toContain('15s left in this step');
      const few = { p1: { stable: { ok: 90 }, canary: { ok: 10 } } };
      expect(run(history().times(12, 50, few), wide, 'threshold').outcome.outcome).toBe('hold');
    });

    it('holds while the canary is not scraped, and where only queries are judged, which no recording has', () => {
      const { stable } = at(50).p1;
      const lost = run(history().times(9, 50, { p1: { stable } }), limits, 'threshold');
      expect([lost.outcome.outcome, lost.ticks.at(-1)?.reason]).toEqual(['hold', 'the canary was not scraped']);
      const own = { ...limits, analysis: [{ name: 'own', query: 'up', max: 1 }] };
      const { ticks, outcome } = run(history().times(9, 50, at(50)), own, 'threshold');
      expect([outcome.outcome, ticks.at(-1)?.reason]).toEqual(['hold', expect.stringContaining('nothing is judged')]);
    });

    it('leaves out the stretch of a proxy that was not scraped when the weight changed', () => {
      const two = (p2: boolean, bad: number) => ({ ...at(10), ...(p2 ? { p2: at(10, { bad }).p1 } : {}) });
      const tape = history()
        .times(2, 0, two(true, 0))
        .times(2, 10, two(false, 0))
        .add(10, two(true, 5_000))
        .times(3, 10, two(true, 0));
      expect(run(tape, limits, 'threshold').outcome.outcome).toBe('hold');
    });
  });

  it('ignores whatever it does not know', () => {
    const tape = history().times(3, 10, at(10));
    const plan = { ...PLAN, colour: 'blue', analysis: [...PLAN.analysis, { name: 'own', query: 'up', max: 1 }] };
    const parsed = parseRecording('r.jsonl', text(tape, plan, { more: { a: 1 } }));
    expect(parsed.kind).toBe('ok');
  });
});

describe('a file that is no recording is refused at its line', () => {
  const good = text(history().add(10, at(10)));
  const lines = good.split('\n');
  const last = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
  const withLast = (more: object) => [...lines.slice(0, -1), JSON.stringify({ ...last, ...more })].join('\n');
  const headed = (more: object) => [JSON.stringify({ plan: PLAN, ...more }), ...lines.slice(1)].join('\n');

  it.each([
    ['nothing', '', /^r\.jsonl:1:1: .*no header/],
    ['no JSON', `${lines[0]}\n{`, /^r\.jsonl:2:1: .*no JSON/],
    ['a header without steps', headed({ plan: {} }), /^r\.jsonl:1:1: .*plan\.steps/],
    ['a hold that is none', headed({ plan: { steps: [{ weight: 5, hold: 4 }] } }), /plan\.steps\.0\.hold.*duration/],
    ['a judge that nobody knows', headed({ plan: { ...PLAN, judge: { name: 'oracle' } } }), /plan\.judge\.name/],
    ['a time that stands still', withLast({ t: HISTORY * 15_000 }), /^r\.jsonl:12:1: .*not after/],
    ['a time that goes back', withLast({ t: 1 }), /^r\.jsonl:12:1: .*not after/],
    ['a weight beyond all', withLast({ weight: 101 }), /^r\.jsonl:12:1: .*weight.*0 to 100/],
    ['no weight at all', withLast({ weight: undefined }), /^r\.jsonl:12:1: .*weight/],
    ['a counter below 0', withLast({ proxies: { p: { canary: { completed: -1 } } } }), /proxies\.p\.canary\.completed/],
    ['a counter as text', withLast({ proxies: { p: { stable: { rq_xx: { 5: '7' } } } } }), /rq_xx\.5.*number/],
    ['an edge that is none', withLast({ proxies: { p: { stable: { le: { wide: 1 } } } } }), /le\.wide.*upper edge/],
    ['a list for the proxies', withLast({ proxies: [] }), /proxies/],
  ])('%s', (_what, file, message) => {
    const parsed = parseRecording('r.jsonl', file);
    expect(parsed.kind === 'error' ? parsed.errors.map(formatError) : []).toEqual([expect.stringMatching(message)]);
  });
});
