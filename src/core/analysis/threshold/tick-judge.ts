import type { ArmCounts } from '../arm-counts.ts';
import type { Measured } from './check-share.ts';

/** What a judge that looks at one tick after the other is told: a line of a recording, or a look at Prometheus. */
export interface JudgeTick {
  readonly atMs: number;
  /** The canary gets traffic. */
  readonly hasWeight: boolean;
  /** The last step is reached and its hold is over. */
  readonly atEnd: boolean;
  /** Growth since the tick before, by analysis; absent: nothing was seen. */
  readonly grown: ReadonlyMap<string, Measured>;
}

export interface TickVerdict {
  readonly decision: 'hold' | 'advance' | 'rollback' | 'promote';
  readonly reason: string;
}

/** Pure: the state is the judge's own, JSON, and nobody else's business. */
export interface TickJudge<S> {
  readonly start: S;
  tick(state: S, tick: JudgeTick): { readonly state: S; readonly verdict: TickVerdict };
}

/** Growth that is still inside the window, oldest first. */
export type WindowState = readonly { readonly atMs: number; readonly grown: Readonly<Record<string, Measured>> }[];

/** Adds a tick and forgets what the window has left behind. */
export function slide(window: WindowState, { atMs, grown }: JudgeTick, windowMs: number): WindowState {
  return [...window.filter((old) => old.atMs > atMs - windowMs), { atMs, grown: Object.fromEntries(grown) }];
}

/** What one analysis measured over the window. */
export function total(window: WindowState, metric: string): Measured {
  const arm = (name: keyof Measured): ArmCounts | null =>
    window.reduce<ArmCounts | null>((sum, { grown }) => {
      const one = grown[metric]?.[name] ?? null;
      if (one === null || sum === null) return sum ?? one;
      return { bad: sum.bad + one.bad, requests: sum.requests + one.requests };
    }, null);
  return { canary: arm('canary'), stable: arm('stable') };
}
