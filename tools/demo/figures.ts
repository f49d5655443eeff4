import type { EventBody, RolloutBody } from '../../src/surfaces/api/schemas.ts';
import type { Sample } from '../../test/support/load.ts';

/** One step as the client counted it. Shares in percent, over unpinned requests only. */
export interface StepFigures {
  readonly name: string;
  readonly weight: number;
  readonly achieved: number;
  readonly requests: number;
  readonly canaryRequests: number;
  readonly pinned: number;
  readonly ackMs: number;
}

/** The share that a revision really got while each step was in force on every Envoy. */
export function stepFigures(
  rollout: RolloutBody,
  events: readonly EventBody[],
  samples: readonly Sample[],
  endMs: number,
): StepFigures[] {
  const steps = rollout.history.flatMap((step) => {
    if (step.liveAt === null) return [];
    const untilMs = step.leftAt === null ? endMs : Date.parse(step.leftAt);
    return [{ name: step.name, weight: step.weight, fromMs: Date.parse(step.liveAt), untilMs, ackMs: step.ackMs ?? 0 }];
  });
  const promoted = liveEvent(events, 'promoting');
  if (promoted !== null)
    steps.push({ name: 'promotion', weight: 100, fromMs: promoted.liveAtMs, untilMs: endMs, ackMs: promoted.ackMs });
  return steps.map(({ name, weight, fromMs, untilMs, ackMs }) => {
    const within = samples.filter(({ sentAtMs }) => sentAtMs > fromMs && sentAtMs <= untilMs);
    const unpinned = within.filter(({ pinned }) => !pinned);
    const canary = unpinned.filter(({ servedBy }) => servedBy === rollout.revision).length;
    const testers = within.filter(({ pinned, servedBy }) => pinned && servedBy === rollout.revision).length;
    const achieved = unpinned.length === 0 ? 0 : Math.round((canary / unpinned.length) * 10_000) / 100;
    return { name, weight, achieved, requests: unpinned.length, canaryRequests: canary, pinned: testers, ackMs };
  });
}

/** When the push of a phase was in force everywhere. */
export function liveEvent(
  events: readonly EventBody[],
  phase: string,
): { readonly ackMs: number; readonly liveAtMs: number } | null {
  const sent = events.find((event) => event.type === 'step' && event.phase === phase);
  const live = events.find((event) => event.type === 'live' && event.phase === phase);
  const ackMs = live?.data.ackMs;
  if (sent === undefined || typeof ackMs !== 'number') return null;
  return { ackMs, liveAtMs: Date.parse(sent.at) + ackMs };
}

export function failed(samples: readonly Sample[], fromMs: number, untilMs = Number.POSITIVE_INFINITY): number {
  return samples.filter(
    ({ sentAtMs, status }) => sentAtMs >= fromMs && sentAtMs <= untilMs && (status < 200 || status > 299),
  ).length;
}
