import type { BackendState } from '../model/backend-state.ts';
import { nameSome } from '../model/name-some.ts';
import type { Notice } from './event.ts';
import type { Member, Rollout } from './rollout.ts';
import type { Draft } from './transition.ts';

/**
 * A joint rollout is one record of several backends, so that there is one step, one phase and one cause for all of them
 * (ADR 24). What is about one backend alone is decided about its part.
 */

/** The rollout as it is for each of its backends, the first one first. One of a single backend is its own part. */
export function partsOf(rollout: Rollout): readonly Rollout[] {
  const { joint, ...whole } = rollout;
  if (joint === undefined) return [rollout];
  return [part(whole, { fleets: joint.fleets }), ...joint.others.map((member) => part(whole, member))];
}

/** As it is for this backend. */
export function partOf(rollout: Rollout, backend: string): Rollout {
  if (rollout.joint === undefined) return rollout;
  return partsOf(rollout).find((one) => one.backend === backend) ?? rollout;
}

function part(whole: Omit<Rollout, 'joint'>, own: Pick<Member, 'fleets'> & Partial<Member>): Rollout {
  const { push, excluded } = whole;
  const here = <T>(byFleet: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
    Object.fromEntries(Object.entries(byFleet).filter(([fleet]) => own.fleets.includes(fleet)));
  return {
    ...whole,
    ...own,
    push: push === null ? null : { ...push, counted: here(push.counted) },
    excluded: here(excluded),
  };
}

export function backendsOf({ backend, joint }: Pick<Rollout, 'backend' | 'joint'>): readonly string[] {
  return [backend, ...(joint?.others ?? []).map((member) => member.backend)];
}

/** `checkout`, or `checkout, cart`, in words for people. */
export function backendNames(rollout: Pick<Rollout, 'backend' | 'joint'>): string {
  return nameSome(backendsOf(rollout));
}

/** `v2`, or `v2 of checkout, v7 of cart` where the backends do not get revisions of one name. */
export function canaryNames(rollout: Rollout): string {
  return armNames(rollout, ({ canary }) => canary.name) ?? '';
}

/** The same of what is stable; `null`: nothing is. */
export function stableNames(rollout: Rollout): string | null {
  return armNames(rollout, ({ stable }) => stable?.name ?? null);
}

function armNames(rollout: Rollout, nameOf: (part: Rollout) => string | null): string | null {
  const parts = partsOf(rollout);
  const names = parts.map(nameOf);
  if (new Set(names).size === 1) return names[0] ?? null;
  return nameSome(parts.map((one, i) => `${names[i] ?? 'nothing'} of ${one.backend}`));
}

/** All backends and their revisions, for machines that are told about the rollout. */
export function jointOf(rollout: Rollout): Pick<Notice, 'joint'> {
  if (rollout.joint === undefined) return {};
  return {
    joint: partsOf(rollout).map(({ backend, canary, stable }) => {
      return { backend, revision: canary.name, stable: stable?.name ?? null };
    }),
  };
}

/** Do its requests come from a backend of the same rollout that has drawn their arm already? */
export function followsColour({ backend, spec }: Pick<Rollout, 'backend' | 'spec'>): boolean {
  return spec.joint?.colour !== undefined && backend !== spec.backend;
}

/** A metric of one of several backends, as people see it. */
export function metricOf(rollout: Pick<Rollout, 'joint'>, backend: string, metric: string): string {
  return rollout.joint === undefined ? metric : `${metric} (${backend})`;
}

/** The metric by the name that the plan gives it. */
export function ownMetric(rollout: Pick<Rollout, 'joint'>, backend: string, metric: string): string {
  const suffix = ` (${backend})`;
  return rollout.joint !== undefined && metric.endsWith(suffix) ? metric.slice(0, -suffix.length) : metric;
}

/** By which key an answer about one of several backends is known: `checkout` of the first one, `cart/checkout` of others. */
export function answerKey(rollout: Pick<Rollout, 'backend'>, backend: string, key: string): string {
  return backend === rollout.backend ? key : `${backend}/${key}`;
}

/** Changes the state of every backend of the rollout, all in the same commit. */
export function changeBackends(d: Draft, changed: (state: BackendState, part: Rollout) => BackendState): void {
  const { rollout } = d;
  d.backend = changed(d.backend, partOf(rollout, d.backend.backend));
  d.others = d.others.map((state) => changed(state, partOf(rollout, state.backend)));
}

/** Every backend's state, the first one's first. */
export function statesOf({ backend, others }: Pick<Draft, 'backend' | 'others'>): readonly BackendState[] {
  return [backend, ...others];
}
