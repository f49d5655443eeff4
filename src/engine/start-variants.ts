import { besideStable } from '../core/model/cut-revision.ts';
import type { PlanSpec } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { nameSome } from '../core/model/name-some.ts';
import type { Revision } from '../core/model/revision.ts';
import { armsOf } from '../core/rollout/arms.ts';
import type { Rollout, Variant } from '../core/rollout/rollout.ts';
import { type BackendTrigger, cutCanary, type StartMember } from './start-members.ts';

/** What of a start is about the variants of a test. */

export type VariantTriggers = Readonly<Record<string, BackendTrigger>>;

/** What each variant of the plan gets, in its order; an error where one of them is not said, or is none of the plan's. */
export function variantTriggers(
  { variants = [] }: PlanSpec,
  asked: VariantTriggers = {},
): Result<readonly Omit<Variant, 'canary'>[]> {
  const unknown = Object.keys(asked).find((name) => !variants.includes(name));
  if (unknown !== undefined) {
    const of = variants.length === 0 ? 'no variants' : `the variants ${nameSome(variants)}`;
    return fail('SERIN_REQUEST_INVALID', `the plan has ${of}, and not "${unknown.slice(0, 80)}"`);
  }
  const triggers: Omit<Variant, 'canary'>[] = [];
  for (const name of variants) {
    const { revision, endpoints } = asked[name] ?? {};
    if (revision === undefined) {
      const hint = `Give --variant ${name}=v43.`;
      return fail('SERIN_REQUEST_INVALID', `which revision variant ${name} is of is not said`, { hint });
    }
    triggers.push({ name, trigger: { revision, endpoints: endpoints ?? null } });
  }
  return ok(triggers);
}

/** The revisions of the variants, each a cluster of its own: Envoys have to be able to tell all arms apart. */
export function cutVariants(
  member: StartMember,
  canary: Revision,
  triggers: readonly Omit<Variant, 'canary'>[],
): Result<readonly Variant[]> {
  const variants: Variant[] = [];
  for (const { name, trigger } of triggers) {
    const cut = cutCanary({ ...member, trigger });
    if (cut.kind === 'error') return cut;
    for (const other of armsOf({ canary, trigger: member.trigger, variants })) {
      if (besideStable(cut.value, other.canary).kind === 'ok') continue;
      const message = `arms ${other.name} and ${name} are both ${trigger.revision} in cluster ${cut.value.cluster}`;
      const hint = 'Every arm has a revision of its own.';
      return fail('SERIN_REQUEST_INVALID', message, { hint });
    }
    variants.push({ name, trigger, canary: cut.value });
  }
  return ok(variants);
}

/** Does a repeated start ask for what this one began? */
export function sameVariants(rollout: Rollout, asked: VariantTriggers | undefined): boolean {
  const triggers = variantTriggers(rollout.spec, asked);
  if (triggers.kind === 'error') return false;
  const told = (one: Omit<Variant, 'canary'>) => [one.name, one.trigger.revision, one.trigger.endpoints];
  return JSON.stringify((rollout.variants ?? []).map(told)) === JSON.stringify(triggers.value.map(told));
}
