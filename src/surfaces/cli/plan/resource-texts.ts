import { ok, type Result } from '../../../core/model/errors.ts';
import { unifiedDiff } from '../../../core/model/line-diff.ts';
import { compilePlan, type PlanPreview } from '../../../core/traffic/compile-plan.ts';
import type { PreviewStep } from '../../../core/traffic/preview-step.ts';
import type { CliContext } from '../command-context.ts';

/** The resources of each fleet as text, by its name. */
type Fleets = ReadonlyMap<string, string>;

/** What each step gives to each fleet, in lines that can be compared. */
export function resourceTexts(
  { envoyJson }: CliContext,
  preview: PlanPreview,
  steps: readonly PreviewStep[],
): Result<ReadonlyMap<PreviewStep, Fleets>> {
  if (steps.length === 0) return ok(new Map());
  const compiled = compilePlan(preview, steps);
  if (compiled.kind === 'error') return compiled;
  const toJson = envoyJson();
  const texts = new Map<PreviewStep, Map<string, string>>(steps.map((step) => [step, new Map()]));
  for (const { step, fleet, resources } of compiled.value) {
    const { clusters, endpoints, routes } = toJson(resources);
    texts.get(step)?.set(fleet, JSON.stringify({ clusters, endpoints, routes }, null, 2));
  }
  return ok(texts);
}

export interface FleetDiff {
  readonly fleet: string;
  readonly diff: string;
}

interface Side {
  readonly label: string;
  /** `undefined`: this side has no such step. */
  readonly fleets: Fleets | undefined;
}

/** Of those fleets that get something else. */
export function diffFleets(before: Side, after: Side): readonly FleetDiff[] {
  const names = [...new Set([...(before.fleets?.keys() ?? []), ...(after.fleets?.keys() ?? [])])].sort();
  return names.flatMap((fleet) => {
    const lines = ({ fleets }: Side) => fleets?.get(fleet)?.split('\n') ?? [];
    const hunks = unifiedDiff(lines(before), lines(after));
    if (hunks.length === 0) return [];
    const head = [`--- fleet ${fleet}, ${before.label}`, `+++ fleet ${fleet}, ${after.label}`];
    return [{ fleet, diff: `${[...head, ...hunks].join('\n')}\n` }];
  });
}
