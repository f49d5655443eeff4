import type { JudgeTick, TickJudge, TickVerdict } from '../../../../src/core/analysis/threshold/tick-judge.ts';

export interface Seen {
  /** Bad requests and requests of the canary; `null`: it was not seen. */
  readonly canary?: readonly [bad: number, requests: number] | null;
  readonly stable?: readonly [bad: number, requests: number] | null;
  readonly hasWeight?: boolean;
  readonly atEnd?: boolean;
}

const SCRAPE_MS = 15_000;

/** Feeds one tick per scrape, of one analysis called `errors`. */
export function feed<S>(judge: TickJudge<S>, seen: readonly Seen[]): { verdicts: TickVerdict[]; state: S } {
  let state = judge.start;
  const verdicts = seen.map(({ canary = [0, 100], stable = [0, 900], hasWeight = true, atEnd = false }, i) => {
    const counts = (given: readonly [number, number] | null) =>
      given === null ? null : { bad: given[0], requests: given[1] };
    const tick: JudgeTick = {
      atMs: 1_000_000 + i * SCRAPE_MS,
      hasWeight,
      atEnd,
      grown: new Map([['errors', { canary: counts(canary), stable: counts(stable) }]]),
    };
    const next = judge.tick(state, tick);
    // A state goes through JSON between two ticks.
    state = JSON.parse(JSON.stringify(next.state)) as S;
    return next.verdict;
  });
  return { verdicts, state };
}

export const decisions = (verdicts: readonly TickVerdict[]): string =>
  verdicts.map((v) => v.decision[0] ?? '').join('');

export const ERRORS = { metric: 'errors', min: null, max: 0.01, relative: null, minRequests: 0, windowMs: 60_000 };
