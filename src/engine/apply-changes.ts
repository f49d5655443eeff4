import type { ParsedDocument } from '../core/manifest/parse-documents.ts';
import type { BackendState } from '../core/model/backend-state.ts';
import type { RouteDocument } from '../core/model/documents.ts';
import { ok, type Result, type SerinError } from '../core/model/errors.ts';
import type { PlanTrigger } from '../core/model/plan-trigger.ts';
import { backendsNamedBy, targetsOf } from '../core/model/route-rule.ts';
import { inKeyOrder, sameJson } from '../core/model/same-json.ts';
import type { KeptDocument } from '../core/model/stored.ts';
import type { Dependencies } from './dependencies.ts';
import type { AppliedDocument } from './engine.ts';
import { documentKey, type Held, type Loaded, loadBackend } from './load.ts';

export type Kept = Held<KeptDocument>;

/** One document of an apply beside what the store has under its name. */
export interface Change {
  readonly parsed: ParsedDocument;
  readonly action: AppliedDocument['action'];
  readonly before: Kept | null;
  /** What it makes of the plan's revision; `undefined`: it has none. */
  readonly trigger: PlanTrigger | undefined;
}

export function diff(parsed: ParsedDocument, stored: readonly Kept[]): Omit<Change, 'trigger'> {
  const key = documentKey(parsed.document.kind, parsed.document.name);
  const before = stored.find((kept) => kept.key === key) ?? null;
  if (before === null) return { parsed, action: 'created', before };
  const same = sameJson(before.body.document, parsed.document);
  return { parsed, action: same && before.body.source === parsed.source ? 'unchanged' : 'updated', before };
}

export type States = ReadonlyMap<string, Loaded<BackendState>>;

/** States of every backend that a changed document touches, directly or through a route. */
export async function backendStates(deps: Dependencies, changes: readonly Change[]): Promise<Result<States>> {
  const names = new Set<string>();
  for (const { parsed, before } of changes) {
    for (const document of [parsed.document, before?.body.document]) {
      if (document?.kind === 'Backend') names.add(document.name);
      if (document?.kind === 'Route') for (const name of document.spec.rules.flatMap(backendsNamedBy)) names.add(name);
    }
  }
  const states = new Map<string, Loaded<BackendState>>();
  for (const name of names) {
    const loaded = await loadBackend(deps.records, name);
    if (loaded.kind === 'error') return loaded;
    states.set(name, loaded.value);
  }
  return ok(states);
}

/** A rule that is rolling may not change under the rollout: its split and pins were judged as they stand. */
export function rollingConflicts(changes: readonly Change[], states: States): SerinError[] {
  return changes.flatMap(({ parsed, before }) => {
    if (parsed.document.kind !== 'Route') return [];
    const old = before?.body.document;
    const oldRules = old?.kind === 'Route' && old.spec.fleet === parsed.document.spec.fleet ? old.spec : null;
    const touched = [...parsed.document.spec.rules, ...(old?.kind === 'Route' ? old.spec.rules : [])].filter((rule) => {
      const [was, is] = [oldRules, (parsed.document as RouteDocument).spec].map((spec) => {
        const same = spec?.rules.find((candidate) => candidate.name === rule.name);
        return same === undefined ? null : inKeyOrder({ same, hostnames: spec?.hostnames });
      });
      return was !== is;
    });
    const owned = touched.flatMap((rule) =>
      targetsOf(rule).flatMap(({ backend }) => {
        const rolloutId = states.get(backend)?.body?.rolloutId ?? null;
        return rolloutId === null ? [] : [{ rule, rolloutId }];
      }),
    );
    const blocking = owned[0];
    if (blocking === undefined) return [];
    return [
      {
        code: 'SERIN_ROLLOUT_ACTIVE' as const,
        message: `rule ${blocking.rule.name} of Route ${parsed.document.name} is rolling (rollout ${blocking.rolloutId})`,
        place: parsed.place,
      },
    ];
  });
}
