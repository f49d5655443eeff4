import type { PlanChange } from '../../../core/manifest/compare/plan-changes.ts';
import type { FleetDiff } from './resource-texts.ts';

/** Two steps of a plan, or two versions of it. */
export interface Comparison {
  readonly plan: string;
  readonly from: string;
  readonly to: string;
  readonly changes: readonly PlanChange[];
  /** `undefined`: not asked for. */
  readonly resources?: readonly FleetDiff[];
}

export function differs({ changes, resources = [] }: Comparison): boolean {
  return changes.length + resources.length > 0;
}

/** Longer words than this, as those of a query, stand one below the other. */
const MAX_ABREAST = 60;

export function differenceLines(compared: Comparison): readonly string[] {
  const head = `${compared.plan}: ${compared.from} → ${compared.to}`;
  if (!differs(compared)) return [`${head}: nothing differs`];
  const diffs = (compared.resources ?? []).flatMap(({ diff }) => diff.slice(0, -1).split('\n'));
  return [head, ...compared.changes.flatMap(changeLines), ...diffs];
}

function changeLines({ where, what, from, to }: PlanChange): readonly string[] {
  if (what === null) return [from === null ? `  ${where} is new: ${to}` : `  ${where} is gone: ${from}`];
  const [old, now] = [from ?? 'nothing', to ?? 'nothing'];
  if (old.length + now.length <= MAX_ABREAST) return [`  ${where}: ${what} ${old} → ${now}`];
  return [`  ${where}: ${what}`, `    - ${old}`, `    + ${now}`];
}
