import { describe, expect, it } from 'vitest';
import { increments } from '../../../src/core/analysis/increments.ts';
import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
import {
  PEER_JUDGES,
  type PeerJudge,
  PeerJudgeSettings,
  peerTickJudge,
} from '../../../src/core/analysis/peer-tick-judges.ts';
import { measureShare } from '../../../src/core/analysis/threshold/measure-share.ts';
import type { TickVerdict } from '../../../src/core/analysis/threshold/tick-judge.ts';
import type { AnalysisSpec } from '../../../src/core/model/analysis-spec.ts';
import { KAYENTA_SPEC, type KayentaSpec } from '../../../src/core/model/kayenta-spec.ts';
import { planAsWritten } from '../../../src/core/rollout/plan-as-written.ts';
import { seeded } from '../../support/random.ts';
import { planSpec } from '../../support/rollouts.ts';
import { series } from './series.ts';

const SCRAPE_S = 15;
const ARMS = { stable: 'stable', canary: 'canary' };
const errors = { kind: 'error-rate', name: 'errors', max: 0.01, minRequests: null } as const satisfies AnalysisSpec;

/** Twenty-one minutes of scrapes: 300 requests to each arm, of which so many per thousand fail. */
function judge(name: PeerJudge, settings: object, permille: { canary: number; stable: number }): TickVerdict[] {
  const random = seeded(11);
  const tick = peerTickJudge(name, PeerJudgeSettings.parse(settings), [errors]);
  const totals = { canary: [0, 0], stable: [0, 0] };
  const scrape = (cluster: keyof typeof totals, at: number): CounterSeries[] => {
    const before = totals[cluster];
    const bad = Array.from({ length: 300 }, () => random.chance(permille[cluster] / 1_000)).filter(Boolean).length;
    const now = [(before[0] ?? 0) + 300 - bad, (before[1] ?? 0) + bad];
    totals[cluster] = now;
    return (['2', '5'] as const).map((label, i) =>
      series(
        'upstream_rq_xx',
        label,
        [
          [at - SCRAPE_S, before[i] ?? 0],
          [at, now[i] ?? 0],
        ],
        { cluster },
      ),
    );
  };
  return Array.from({ length: 84 }, (_, i) => {
    const at = i * SCRAPE_S;
    const grown = increments([...scrape('canary', at), ...scrape('stable', at)], 0);
    const measured = measureShare(errors, grown, ARMS);
    return tick({ atMs: at * 1_000, hasWeight: true, atEnd: i >= 64, grown: new Map([[errors.name, measured]]) });
  });
}

const first = (verdicts: readonly TickVerdict[]) => {
  const i = verdicts.findIndex(({ decision }) => decision === 'rollback' || decision === 'promote');
  return i === -1 ? null : [verdicts[i]?.decision, i * SCRAPE_S];
};

describe('worlds that every judge must tell apart', () => {
  it.each(PEER_JUDGES)('%s promotes a healthy canary at the end of the ramp', (name) => {
    const [decision, atS] = first(judge(name, { threshold: 5, failureLimit: 3 }, { canary: 2, stable: 2 })) ?? [];
    expect(decision).toBe('promote');
    expect(Number(atS)).toBeGreaterThanOrEqual(64 * SCRAPE_S);
  });

  it.each([
    // Five failed checks and one more; four measurements; the first judgement.
    ['flagger', { threshold: 5 }, 360],
    ['argo', { failureLimit: 3 }, 240],
    ['kayenta', {}, 300],
  ] as const)('%s rolls back a crash when its rules say so', (name, settings, atS) => {
    expect(first(judge(name, settings, { canary: 500, stable: 5 }))).toEqual(['rollback', atS]);
  });
});

describe('settings', () => {
  it("are the tool's own where none are given", () => {
    expect(first(judge('flagger', {}, { canary: 500, stable: 5 }))).toEqual(['rollback', 120]);
    expect(first(judge('argo', {}, { canary: 500, stable: 5 }))).toEqual(['rollback', 60]);
  });

  it('may be those of another judge, which then say nothing', () => {
    expect(first(judge('argo', { name: 'flagger', threshold: 9 }, { canary: 500, stable: 5 }))).toEqual([
      'rollback',
      60,
    ]);
  });

  it.each([{ interval: '1 minute' }, { threshold: 1.5 }, { confidence: 1 }, { pass: 101 }, 'flagger'])(
    '%j are refused',
    (given) => {
      expect(PeerJudgeSettings.safeParse(given).success).toBe(false);
    },
  );
});

it('leaves custom queries out', () => {
  const query: AnalysisSpec = { kind: 'query', name: 'q', query: 'up', windowMs: 60_000, min: 1, max: null };
  const tick = peerTickJudge('flagger', {}, [query]);
  const at = (atMs: number) => tick({ atMs, hasWeight: true, atEnd: false, grown: new Map() }).decision;
  expect([at(0), at(60_000)]).toEqual(['hold', 'advance']);
});

describe('a recorded plan that names Kayenta', () => {
  const judgeOf = (spec: KayentaSpec): object => {
    const { judge: written } = planAsWritten(planSpec({ judge: spec })) as { judge: object };
    return written;
  };

  it('is judged with all that the plan says', () => {
    const worse = { canary: 30, stable: 10 };
    expect(first(judge('kayenta', judgeOf(KAYENTA_SPEC), worse))?.[0]).toBe('rollback');
    const effectSize = { measure: 'meanRatio', allowedIncrease: 20, criticalIncrease: 20 } as const;
    expect(first(judge('kayenta', judgeOf({ ...KAYENTA_SPEC, effectSize }), worse))?.[0]).toBe('promote');
    const quick = { ...KAYENTA_SPEC, intervalMs: 120_000, sampleMs: 15_000, critical: ['errors'] };
    expect(first(judge('kayenta', judgeOf(quick), { canary: 500, stable: 5 }))).toEqual(['rollback', 120]);
  });
});
