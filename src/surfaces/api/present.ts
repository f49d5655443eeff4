import type { SeriesPoint } from '../../core/analysis/verdict-series.ts';
import { armsOf, promotedArm, shareOf } from '../../core/rollout/arms.ts';
import { bakeMsOf, isBaking } from '../../core/rollout/bake.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { gateOf, webhookOf } from '../../core/rollout/hook-state.ts';
import { jointOf, partOf } from '../../core/rollout/joint.ts';
import type { Rollout, StepRecord } from '../../core/rollout/rollout.ts';
import { readoutsOf } from '../../core/rollout/take-readouts.ts';
import { canaryWeight } from '../../core/traffic/backend-traffic.ts';
import type { RolloutView } from '../../engine/engine.ts';
import type { EventBody, RolloutBody } from './schemas.ts';
import type { VerdictPoint } from './verdict-schemas.ts';

/** Records as the API shows them. */
export function presentRollout({ rev, rollout: r, laggards }: RolloutView): RolloutBody {
  const step = r.spec.strategy.steps[r.step];
  const gateOpen = r.phase === 'stepping' && step?.approve === true && r.approval?.attempt !== r.attempt;
  return {
    id: r.id,
    rev,
    backend: r.backend,
    ...presentJoint(r),
    ...presentArms(r),
    plan: r.plan,
    revision: partOf(r, r.backend).canary.name,
    stable: r.stable?.name ?? null,
    fleets: [...r.fleets],
    phase: r.phase,
    paused: r.paused === null ? null : { by: r.paused.by, reason: r.paused.reason, at: iso(r.paused.atMs) },
    step:
      step === undefined
        ? null
        : {
            ...{ index: r.step, of: r.spec.strategy.steps.length, name: step.name, weight: step.weight / 100 },
            attempt: r.attempt,
          },
    weight: canaryWeight(r) / 100,
    push:
      r.push === null
        ? null
        : {
            committedAt: iso(r.push.committedAtMs),
            liveAt: isoOrNull(r.push.liveAtMs),
            ackMs: r.push.liveAtMs === null ? null : r.push.liveAtMs - r.push.committedAtMs,
            counted: Object.values(r.push.counted).reduce((sum, nodes) => sum + nodes.length, 0),
            probe: r.push.probe === null ? null : Object.values(r.push.probe).sort(),
          },
    drill: r.drill === null ? null : { stage: r.drill.stage, backMs: r.drill.backMs },
    excluded: Object.values(r.excluded).flat().sort(),
    laggards: [...laggards],
    bake: presentBake(r),
    gate: gateOpen ? { step: r.step, attempt: r.attempt } : null,
    hook: presentHook(r),
    waitingFor: r.waitingFor,
    verdicts: (r.evidence?.verdicts ?? []).map((verdict) => ({ ...verdict })),
    readout: readoutsOf(r).map(({ atMs, ...readout }) => ({ ...readout, at: iso(atMs) })),
    cause:
      r.cause === null
        ? null
        : {
            kind: r.cause.kind,
            summary: r.cause.summary,
            by: r.cause.by,
            at: iso(r.cause.atMs),
            step: r.cause.step,
            node: r.cause.node,
            verdict: r.cause.verdict === null ? null : { ...r.cause.verdict },
            ...(r.cause.hurt === undefined ? {} : { hurt: r.cause.hurt }),
          },
    behind: r.queued?.behind ?? null,
    undoes: r.undoes ?? null,
    jumps: (r.jumps ?? []).map(({ atMs, gates, ...jump }) => ({ ...jump, at: iso(atMs), gates: [...gates] })),
    startedBy: r.startedBy,
    createdAt: iso(r.createdAtMs),
    updatedAt: iso(r.updatedAtMs),
    deadlineAt: iso(r.deadlineAtMs),
    history: r.history.map(presentStep),
  };
}

function presentJoint(r: Rollout): Pick<RolloutBody, 'joint'> {
  const { joint } = jointOf(r);
  return joint === undefined ? {} : { joint: [...joint] };
}

function presentArms(r: Rollout): Pick<RolloutBody, 'arms' | 'winner'> {
  if (r.variants === undefined) return {};
  const arms = armsOf(r).map(({ name, canary }) => {
    return { arm: name, revision: canary.name, weight: shareOf(r, name) / 100 };
  });
  const winner = promotedArm(r);
  return { arms, ...(winner === undefined ? {} : { winner }) };
}

function presentHook(r: Rollout): RolloutBody['hook'] {
  const [gate, webhook] = [gateOf(r), webhookOf(r)];
  if (r.phase !== 'stepping' || gate === null || webhook === undefined) return null;
  const { sinceMs, ask, answer } = gate;
  return {
    ...{ target: webhook.target, since: iso(sinceMs), asked: ask },
    answer: answer === null ? null : { kind: answer.kind, detail: answer.detail, at: iso(answer.atMs) },
  };
}

function presentBake(r: Rollout): RolloutBody['bake'] {
  if (!isBaking(r) || r.push?.liveAtMs == null) return null;
  return { since: iso(r.push.liveAtMs), until: iso(r.push.liveAtMs + bakeMsOf(r)) };
}

export function presentEvent(id: string, event: RolloutEvent): EventBody {
  const { type, atMs, by, phase, step, message, data } = event;
  const weight = typeof data.weight === 'number' ? { weight: data.weight / 100 } : {};
  return { id, type, at: iso(atMs), by, phase, step, message, data: { ...data, ...weight } };
}

export function presentPoint({ atMs, weight, metrics, ...point }: SeriesPoint): VerdictPoint {
  return { ...point, at: iso(atMs), weight: weight / 100, metrics: metrics.map((metric) => ({ ...metric })) };
}

function presentStep(step: StepRecord): RolloutBody['history'][number] {
  return {
    step: step.step,
    name: step.name,
    weight: step.weight / 100,
    committedAt: iso(step.committedAtMs),
    liveAt: isoOrNull(step.liveAtMs),
    ackMs: step.liveAtMs === null ? null : step.liveAtMs - step.committedAtMs,
    leftAt: isoOrNull(step.leftAtMs),
  };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}
