import type { AnalysisSpec } from '../model/analysis-spec.ts';
import type { StepSpec } from '../model/documents.ts';
import { type PeerJudge, type PeerJudgeSettings, peerTickJudge } from './peer-tick-judges.ts';
import { recordedGrowth } from './recorded-growth.ts';
import type { Scrape } from './sequential/scrape.ts';
import { measureShare } from './threshold/measure-share.ts';
import type { TickVerdict } from './threshold/tick-judge.ts';

export interface PeerReplayPlan {
  readonly steps: readonly Pick<StepSpec, 'weight' | 'holdMs'>[];
  readonly analysis: readonly AnalysisSpec[];
}

/**
 * Another tool's judge on the lines of a recording, history included, one after the other. The recorded weight is the
 * truth about the traffic: a verdict changes nothing.
 */
export function peerReplay(
  name: PeerJudge,
  settings: PeerJudgeSettings,
  { steps, analysis }: PeerReplayPlan,
): (line: Scrape) => TickVerdict {
  const judge = peerTickJudge(name, settings, analysis);
  const growth = recordedGrowth();
  const last = steps.at(-1);
  let weight = 0;
  let lastSinceMs: number | null = null;
  return ({ t, weight: recorded, proxies }) => {
    const increments = growth(proxies);
    weight = recorded ?? weight;
    if (last !== undefined && recorded !== null) {
      // Basis points in a plan, percent in a recording.
      lastSinceMs = recorded * 100 >= last.weight ? (lastSinceMs ?? t) : null;
    }
    const shares = analysis.flatMap((spec) => (spec.kind === 'query' ? [] : [spec]));
    // Between two tables nobody knows which arm should have had how much.
    const usable = recorded === null ? [] : shares;
    return judge({
      atMs: t,
      hasWeight: weight > 0,
      atEnd: lastSinceMs !== null && t - lastSinceMs >= (last?.holdMs ?? 0),
      grown: new Map(
        usable.map((spec) => [spec.name, measureShare(spec, increments, { stable: 'stable', canary: 'canary' })]),
      ),
    });
  };
}
