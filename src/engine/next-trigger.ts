import type { ParsedDocument } from '../core/manifest/parse-documents.ts';
import { ok, type Result } from '../core/model/errors.ts';
import { MAX_EARLIER_VALUES, type PlanTrigger, wantedKey } from '../core/model/plan-trigger.ts';
import type { Kept } from './apply-changes.ts';
import type { Dependencies } from './dependencies.ts';
import { fateOf, isSentBack, isUnderWay } from './trigger-fate.ts';

interface Asked {
  readonly parsed: ParsedDocument;
  readonly before: Kept | null;
  readonly by: string;
  /** Also what was tried and sent back. */
  readonly retry: boolean;
}

/**
 * What an apply makes of the `revision` of a plan; `undefined`: it has none, and had none. A value that stays keeps what
 * became of it, a new one is due, and one whose rollout was sent back is not, unless a person says so. One that is taken out of
 * the plan is not forgotten by that.
 */
export async function nextTrigger(
  deps: Pick<Dependencies, 'records' | 'newId'>,
  { parsed, before, by, retry }: Asked,
): Promise<Result<PlanTrigger | undefined>> {
  const { document } = parsed;
  if (document.kind !== 'Plan') return ok(undefined);
  const was = before?.body.trigger;
  const old = before?.body.document.kind === 'Plan' ? before.body.document.spec.revision : undefined;
  const fresh = (earlier: PlanTrigger['earlier']): PlanTrigger => {
    return { key: deps.newId(), by, outcome: 'due', rollout: null, earlier };
  };
  const wanted = document.spec.revision === undefined ? null : wantedKey(document.spec.revision);
  if (was !== undefined && old !== undefined && wantedKey(old) === wanted) {
    if (!retry || was.outcome === 'due' || was.outcome === 'stable') return ok(was);
    const fate = await fateOf(deps, was.rollout);
    if (fate.kind === 'error') return fate;
    const isDone = fate.value === 'promoted' || isUnderWay(fate.value);
    return ok(isDone ? was : fresh(was.earlier));
  }
  const left = was?.rollout == null || old === undefined ? [] : [{ revision: wantedKey(old), rollout: was.rollout }];
  const all = [...(was?.earlier ?? []), ...left].slice(-MAX_EARLIER_VALUES);
  if (wanted === null) {
    if (was?.outcome === 'none' || all.length === 0) return ok(was?.outcome === 'none' ? was : undefined);
    return ok({ key: deps.newId(), by, outcome: 'none', rollout: null, earlier: all });
  }
  const last = all.findLast(({ revision }) => revision === wanted);
  const earlier = all.filter(({ revision }) => revision !== wanted);
  if (last === undefined) return ok(fresh(earlier));
  const fate = await fateOf(deps, last.rollout);
  if (fate.kind === 'error') return fate;
  const again = { key: deps.newId(), by, rollout: last.rollout, earlier };
  // The value in between has not begun: this one rolls on, and its end is that of this value.
  if (isUnderWay(fate.value) && !isSentBack(fate.value)) return ok({ ...again, outcome: 'begun' });
  return ok(isSentBack(fate.value) && !retry ? { ...again, outcome: 'tried' } : fresh(earlier));
}
