import { pushFor } from './push.ts';
import type { Rollout } from './rollout.ts';
import { change, type Draft, emit, type Observations, wait } from './transition.ts';

/** Is a change without effect on its way out or back? */
export function isDrilling({ drill: state }: Pick<Rollout, 'drill'>): boolean {
  return state !== null && state.stage !== 'proven';
}

export type DrillCheck = 'proven' | 'under way';

/**
 * The way back proves itself before the first step: the canary goes into the routes at weight 0, which changes no
 * request's way, and out again, which is what a rollback does. Called when the push before is in force everywhere.
 * A first deployment has nothing to go back to.
 */
export function drill(d: Draft, observed: Observations): DrillCheck {
  const { drill: done, stable, push } = d.rollout;
  if (stable === null || done?.stage === 'proven') return 'proven';
  if (done?.stage === 'back') {
    const backMs = push?.liveAtMs == null ? 0 : push.liveAtMs - push.committedAtMs;
    change(d, { drill: { stage: 'proven', backMs } });
    emit(d, 'drill', `the way back is proven: last Envoy back after ${backMs} ms`, { ackMs: backMs });
    return 'proven';
  }
  const next = { stage: done === null ? 'out' : 'back', backMs: null } as const;
  const again = pushFor(d, observed, { drill: next });
  if (again === null) return 'under way';
  change(d, { drill: next, push: again });
  d.traffic = true;
  wait(d, next.stage === 'out' ? 'a change without effect to reach every Envoy' : 'every Envoy to take it back again');
  return 'under way';
}
