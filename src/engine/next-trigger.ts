import type { ParsedDocument } from '../core/manifest/parse-documents.ts';
import { ok, type Result } from '../core/model/errors.ts';
import type { Phase } from '../core/model/phase.ts';
import { isTerminal } from '../core/model/phase.ts';
import { MAX_EARLIER_VALUES, type PlanTrigger, wantedKey } from '../core/model/plan-trigger.ts';
import type { Kept } from './apply-changes.ts';
import type { Dependencies } from './dependencies.ts';
import { loadNamed } from './load.ts';

interface Asked {
  readonly parsed: ParsedDocument;
  readonly before: Kept | null;
  readonly by: string;
  /** Also what was tried and sent back. */
  readonly retry: boolean;
}

/**
 * What an apply makes of the `revision` of a plan; `undefined`: it has none. A value that stays keeps what became of it,
 * a new one is due, and one whose rollout was sent back is not, unless a person says so.
 */
export async function nextTrigger(
  deps: Pick<Dependencies, 'records' | 'newId'>,
  { parsed, before, by, retry }: Asked,
): Promise<Result<PlanTrigger | undefined>> {
  const { document } = parsed;
  if (document.kind !== 'Plan' || document.spec.revision === undefined) return ok(undefined);
  const wanted = wantedKey(document.spec.revision);
  const was = before?.body.trigger;
  const old = before?.body.document.kind === 'Plan' ? before.body.document.spec.revision : undefined;
  const fresh = (earlier: PlanTrigger['earlier']): PlanTrigger => {
    return { key: deps.newId(), by, outcome: 'due', rollout: null, earlier };
  };
  if (was !== undefined && old !== undefined && wantedKey(old) === wanted) {
    if (!retry || was.outcome === 'due' || was.outcome === 'stable') return ok(was);
    const phase = await phaseOf(deps, was.rollout);
    if (phase.kind === 'error') return phase;
    const isDone = phase.value === 'promoted' || (phase.value !== null && !isTerminal(phase.value));
    return ok(isDone ? was : fresh(was.earlier));
  }
  const left = was?.rollout == null || old === undefined ? [] : [{ revision: wantedKey(old), rollout: was.rollout }];
  const all = [...(was?.earlier ?? []), ...left].slice(-MAX_EARLIER_VALUES);
  const last = all.findLast(({ revision }) => revision === wanted);
  const earlier = all.filter(({ revision }) => revision !== wanted);
  if (last === undefined || retry) return ok(fresh(earlier));
  const phase = await phaseOf(deps, last.rollout);
  if (phase.kind === 'error') return phase;
  if (!isSentBack(phase.value)) return ok(fresh(earlier));
  return ok({ key: deps.newId(), by, outcome: 'tried', rollout: last.rollout, earlier });
}

/** By the judge or by a person. A newer revision in its place says nothing against it, and what never had requests failed as well. */
export function isSentBack(phase: Phase | null): boolean {
  const back: readonly (Phase | null)[] = ['rolling_back', 'rolled_back', 'aborting', 'aborted', 'failed'];
  return back.includes(phase);
}

/** `null`: the rollout is not kept any more. */
async function phaseOf(deps: Pick<Dependencies, 'records'>, id: string | null): Promise<Result<Phase | null>> {
  const loaded = await loadNamed(deps.records, id);
  return loaded.kind === 'error' ? loaded : ok(loaded.value?.body.phase ?? null);
}
