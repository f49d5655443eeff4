import type { Verdict } from '../analysis/judge.ts';
import { lacking } from '../analysis/until.ts';
import type { UntilSpec } from '../model/documents.ts';
import { isSeveral, partName, partsOf } from './joint.ts';
import { ownJudge } from './judged-plan.ts';
import type { Rollout } from './rollout.ts';

/** What the `until` of a step still lacks, in words; `null`: nothing. Of several parts each needs it. */
export function lackingOf(rollout: Rollout, until: UntilSpec, verdicts: readonly Verdict[]): string | null {
  if (!isSeveral(rollout)) return lacking(until, verdicts, ownJudge(rollout.spec));
  for (const part of partsOf(rollout)) {
    const name = partName(part);
    const own = verdicts.filter(({ arm, backend }) => (arm ?? backend) === name);
    const missing = lacking(until, own, ownJudge(part.spec));
    if (missing !== null) return `${missing} of ${name}`;
  }
  return null;
}
