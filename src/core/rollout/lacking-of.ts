import type { Verdict } from '../analysis/judge.ts';
import { lacking } from '../analysis/until.ts';
import type { UntilSpec } from '../model/documents.ts';
import { backendsOf } from './joint.ts';
import { ownJudge } from './judged-plan.ts';
import type { Rollout } from './rollout.ts';

/** What the `until` of a step still lacks, in words; `null`: nothing. Of several backends each needs it. */
export function lackingOf(rollout: Rollout, until: UntilSpec, verdicts: readonly Verdict[]): string | null {
  const judge = ownJudge(rollout.spec);
  if (rollout.joint === undefined) return lacking(until, verdicts, judge);
  for (const backend of backendsOf(rollout)) {
    const own = verdicts.filter((verdict) => verdict.backend === backend);
    const missing = lacking(until, own, judge);
    if (missing !== null) return `${missing} of ${backend}`;
  }
  return null;
}
