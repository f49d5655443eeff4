import type { BackendState } from '../model/backend-state.ts';
import { nameSome } from '../model/name-some.ts';
import { CANARY } from '../model/variants.ts';
import { armPart, armsOf, openArms } from './arms.ts';
import type { Notice } from './event.ts';
import type { Member, Part, Rollout } from './rollout.ts';
import type { Draft } from './transition.ts';

/**
 * A joint rollout is one record of several backends, so that there is one step, one phase and one cause for all of them
 * (ADR 24). What is about one backend alone is decided about its part.
 */

/**
 * The rollout as it is for each of its backends, the first one first, or for each arm of a test that is open. One of a
 * single backend with a canary alone is its own part.
 */
export function partsOf(rollout: Rollout): readonly Part[] {
  if (rollout.variants !== undefined) return openArms(rollout).map((arm) => armPart(rollout, arm));
  const { joint, ...whole } = rollout;
  if (joint === undefined) return [rollout];
  return [part(whole, { fleets: joint.fleets }), ...joint.others.map((member) => part(whole, member))];
}

/** Also of the arms of a test that are not looked at any more. */
export function everyPart(rollout: Rollout): readonly Part[] {
  return rollout.variants === undefined ? partsOf(rollout) : armsOf(rollout).map((arm) => armPart(rollout, arm));
}

/** As it is for this backend. Of a test it is the arm that is promoted, or else the canary. */
export function partOf(rollout: Rollout, backend: string): Part {
  return partsOf(rollout).find((one) => one.backend === backend) ?? rollout;
}

/** As it is for this arm of a test. */
export function partOfArm(rollout: Rollout, name: string): Part {
  const arm = armsOf(rollout).find((one) => one.name === name);
  return arm === undefined || rollout.variants === undefined ? rollout : armPart(rollout, arm);
}

/** As it is for this backend, with all its arms. */
export function wholeOf(rollout: Rollout, backend: string): Rollout {
  return rollout.variants === undefined ? partOf(rollout, backend) : rollout;
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

/**
 * `v2`; `v2 of checkout, v7 of cart` where the backends do not get revisions of one name; `v2 (canary), v3 (green)` of a
 * test, until one of them is promoted.
 */
export function canaryNames(rollout: Rollout): string {
  const { variants, phase, winner } = rollout;
  if (variants !== undefined) {
    const isWon = winner !== undefined && (phase === 'promoting' || phase === 'promoted');
    const named = armsOf(rollout).map(({ name, canary }) => (isWon ? canary.name : `${canary.name} (${name})`));
    return isWon ? partOfArm(rollout, winner).canary.name : nameSome(named);
  }
  return armNames(rollout, ({ canary }) => canary.name) ?? '';
}

/** Of what `canaryNames` names: one revision, or several. */
export function be(rollout: Rollout): 'is' | 'are' {
  return canaryNames(rollout).includes(', ') ? 'are' : 'is';
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

/** All arms of a test and their revisions, for machines that are told about the rollout. */
export function variantsOf(rollout: Rollout): Pick<Notice, 'arms'> {
  if (rollout.variants === undefined) return {};
  return { arms: armsOf(rollout).map(({ name, canary }) => ({ arm: name, revision: canary.name })) };
}

/** Do its requests come from a backend of the same rollout that has drawn their arm already? */
export function followsColour({ backend, spec }: Pick<Rollout, 'backend' | 'spec'>): boolean {
  return spec.joint?.colour !== undefined && backend !== spec.backend;
}

type Several = Pick<Rollout, 'backend' | 'joint' | 'variants'>;

/** Has it more than one part, each with arms and evidence of its own? */
export function isSeveral({ joint, variants }: { readonly joint?: unknown; readonly variants?: unknown }): boolean {
  return joint !== undefined || variants !== undefined;
}

/** What a part is called beside the others: its backend, or its arm. */
export function partName({ arm, backend }: Part): string {
  return arm ?? backend;
}

/** Whose it is, on what is kept of a part; nothing where there is one alone. */
export function whoseOf(
  rollout: Several,
  { arm, backend }: Part,
): { readonly arm: string } | { readonly backend?: string } {
  if (arm !== undefined) return { arm };
  return rollout.joint === undefined ? {} : { backend };
}

/** A metric of one of several parts, as people see it. */
export function metricOf(rollout: Pick<Several, 'joint' | 'variants'>, part: string, metric: string): string {
  return isSeveral(rollout) ? `${metric} (${part})` : metric;
}

/** The metric by the name that the plan gives it. */
export function ownMetric(rollout: Pick<Several, 'joint' | 'variants'>, part: string, metric: string): string {
  const suffix = ` (${part})`;
  return isSeveral(rollout) && metric.endsWith(suffix) ? metric.slice(0, -suffix.length) : metric;
}

/** By which key an answer about one of several parts is known: `checkout` of the first one, `cart/checkout` of others. */
export function answerKey(rollout: Several, part: string, key: string): string {
  return part === firstName(rollout) ? key : `${part}/${key}`;
}

/** The part that needs no name of its own. */
export function firstName({ backend, variants }: Several): string {
  return variants === undefined ? backend : CANARY;
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
