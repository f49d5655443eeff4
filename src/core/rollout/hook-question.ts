import type { Notice } from './event.ts';
import { gateOf } from './hook-state.ts';
import { jointOf } from './joint.ts';
import type { Rollout } from './rollout.ts';

/** What a hook is asked: the same question, however often it is put, so that asking it twice is harmless. */
export interface HookQuestion {
  /** Of this one question. */
  readonly id: string;
  readonly rolloutId: string;
  readonly attempt: number;
  readonly ask: number;
  /** A hook of the configuration. */
  readonly target: string;
  readonly timeoutMs: number;
  readonly body: HookBody;
}

export interface HookBody {
  /** Of all questions about one step of one rollout. */
  readonly gate: string;
  /** Number of the question, from 1. */
  readonly ask: number;
  readonly rolloutId: string;
  readonly backend: string;
  /** All backends of a joint rollout. @default `backend` alone */
  readonly joint?: Notice['joint'];
  readonly plan: string;
  readonly revision: string;
  readonly stable: string | null;
  /** `index` from 0; `weight` in percent. */
  readonly step: { readonly index: number; readonly of: number; readonly name: string; readonly weight: number };
  /** From when nothing but the gate was missing. */
  readonly sinceMs: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The question that a decision has put into the record; `null`: none. */
export function questionOf(before: Rollout, after: Rollout): HookQuestion | null {
  const gate = after.phase === 'stepping' ? gateOf(after) : null;
  if (gate === null || gate.pendingUntilMs === null) return null;
  const then = gateOf(before);
  if (then?.ask === gate.ask && then.pendingUntilMs === gate.pendingUntilMs) return null;
  const { id, attempt, step, spec, backend, plan, canary, stable } = after;
  const { steps } = spec.strategy;
  const { name, weight, webhook } = steps[step] ?? { name: '', weight: 0 };
  if (webhook === undefined) return null;
  return {
    ...{ id: `${id}-gate-${attempt}-${gate.ask}`, rolloutId: id, attempt, ask: gate.ask },
    target: webhook.target,
    timeoutMs: webhook.timeoutMs,
    body: {
      ...{ gate: `${id}-gate-${attempt}`, ask: gate.ask, rolloutId: id, backend, plan },
      ...jointOf(after),
      revision: canary.name,
      stable: stable?.name ?? null,
      step: { index: step, of: steps.length, name, weight: weight / 100 },
      sinceMs: gate.sinceMs,
      metadata: webhook.metadata ?? {},
    },
  };
}
