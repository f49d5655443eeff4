import type { CommandOutcome } from '../rollout/command-outcome.ts';
import type { Observations, Transition } from '../rollout/transition.ts';

export interface Seen {
  readonly observed: Observations;
  readonly nowMs: number;
}

export type Redecide = (
  input: Seen & { readonly clockTrusted: boolean },
) => Transition | Exclude<CommandOutcome, { readonly kind: 'accepted' }>;

/**
 * Which inputs make the decision of today what it is: each is put back to what the decision before had seen (or to
 * nothing), alone; what then comes out otherwise hung on it. `record`: on none of them alone.
 */
export function inputsBehind(
  redecide: Redecide,
  seen: Seen,
  before: Seen | null,
  clockTrusted: boolean,
): readonly string[] {
  const { observed } = seen;
  const now = gist(redecide({ ...seen, clockTrusted }));
  const old = before?.observed;
  const without: readonly (readonly [string, () => Parameters<Redecide>[0]])[] = [
    ['counters', () => ({ ...seen, observed: { ...observed, counters: null }, clockTrusted })],
    ['queries', () => ({ ...seen, observed: { ...observed, queries: new Map() }, clockTrusted })],
    ['answer', () => ({ ...seen, observed: withoutAnswer(observed), clockTrusted })],
    ['fleets', () => ({ ...seen, observed: { ...observed, fleets: old?.fleets ?? {} }, clockTrusted })],
    ['time', () => ({ ...seen, nowMs: before?.nowMs ?? 0, clockTrusted })],
    ['clock', () => ({ ...seen, clockTrusted: !clockTrusted })],
  ];
  const behind = without.filter(([, input]) => gist(redecide(input())) !== now).map(([name]) => name);
  return behind.length === 0 ? ['record'] : behind;
}

function withoutAnswer({ answer: _said, ...observed }: Observations): Observations {
  return observed;
}

/** What a decision comes to, without its times and words. */
function gist(now: ReturnType<Redecide>): string {
  if (!('rollout' in now)) return now.kind;
  const { phase, step, attempt, paused, push, drill, cause, evidence, excluded, hook } = now.rollout;
  const verdicts = evidence?.verdicts.map(({ metric, verdict, reason }) => [metric, verdict, reason]) ?? [];
  const pushed = push === null ? null : [push.counted, push.probe, push.liveAtMs !== null];
  return JSON.stringify([
    ...[phase, step, attempt, paused !== null, pushed, drill?.stage, cause?.kind, verdicts, excluded],
    ...[hook?.ask, hook?.answer?.kind, hook?.pendingUntilMs == null],
    ...[now.traffic, now.events.map(({ type }) => type)],
  ]);
}
