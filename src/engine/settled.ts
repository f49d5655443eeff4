import type { BackendState } from '../core/model/backend-state.ts';
import type { Trial } from '../core/model/traffic.ts';
import { type AfterLoss, rolloutAfter } from '../core/rollout/after-loss.ts';
import { partOf } from '../core/rollout/joint.ts';
import { trialOf } from '../core/rollout/push.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import type { Held, Loaded } from './load.ts';
import type { Commit } from './ports/store.ts';

/** One backend: what the store holds, and what becomes of it. */
export interface Settled {
  readonly name: string;
  readonly state: Loaded<BackendState>;
  readonly rollout: Held<Rollout> | null;
  readonly after: AfterLoss;
  /** The end of the rollout that waited for it; empty where none does, or it goes on waiting. */
  readonly withdrawn: Commit;
}

/** What becomes of the other backends of a joint rollout, in its order. */
export function othersOf({ joint }: Rollout, settled: readonly Settled[]): readonly BackendState[] {
  return (joint?.others ?? []).flatMap(({ backend }) =>
    settled.flatMap(({ name, after }) => (name === backend ? [after.state] : [])),
  );
}

/** What was being tried out goes on being tried out; of a joint rollout all of it together. */
export function trialsOf(settled: readonly Settled[]): Commit['trials'] {
  const trials = new Map<string, Commit['trials'][number] & { readonly trial: Omit<Trial, 'by'> }>();
  for (const { name, rollout, after } of settled) {
    const active = rolloutAfter(after, rollout?.body ?? null);
    const probe = active?.push?.probe ?? null;
    if (active === null || probe === null) continue;
    const change = [`backend/${name}` as const, backendTraffic(after.state, active)] as const;
    const by = trialOf(active);
    for (const fleet of partOf(active, name).fleets) {
      const nodeId = probe[fleet];
      if (nodeId === undefined) continue;
      const key = `${fleet} ${by}`;
      const before = trials.get(key)?.trial.changes ?? [];
      trials.set(key, { fleet, by, trial: { probe: nodeId, changes: [...before, change] } });
    }
  }
  return [...trials.values()];
}
