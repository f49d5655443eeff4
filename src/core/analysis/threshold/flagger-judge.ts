import { type Check, checkShare, type ShareLimits } from './check-share.ts';
import { countCheck } from './flagger.ts';
import { type JudgeTick, slide, type TickJudge, type TickVerdict, total, type WindowState } from './tick-judge.ts';

export interface FlaggerJudgeOptions {
  readonly threshold: number;
  /** Time between two checks. */
  readonly intervalMs: number;
  readonly analyses: readonly (ShareLimits & { readonly windowMs: number })[];
}

export interface FlaggerJudgeState {
  readonly failedChecks: number;
  /** Of the last check, or of the moment the canary got traffic; `null`: it has none yet. */
  readonly checkedAtMs: number | null;
  readonly window: WindowState;
}

/**
 * Flagger with the ramp in other hands: a passing check lets the step be left, a failed one holds it, and at the
 * threshold the next check rolls back. The tick that gives the canary its first traffic checks nothing.
 */
export function flaggerJudge(options: FlaggerJudgeOptions): TickJudge<FlaggerJudgeState> {
  return {
    start: { failedChecks: 0, checkedAtMs: null, window: [] },
    tick: (before, tick) => {
      const longestMs = Math.max(options.intervalMs, ...options.analyses.map(({ windowMs }) => windowMs));
      const state = { ...before, window: slide(before.window, tick, longestMs) };
      if (!tick.hasWeight) return { state, verdict: { decision: 'hold', reason: 'the canary gets no traffic' } };
      if (state.checkedAtMs === null) {
        return { state: { ...state, checkedAtMs: tick.atMs }, verdict: { decision: 'hold', reason: 'started' } };
      }
      if (tick.atMs - state.checkedAtMs < options.intervalMs) {
        return { state, verdict: { decision: 'hold', reason: 'between two checks' } };
      }
      return check({ ...state, checkedAtMs: tick.atMs }, tick, options);
    },
  };
}

function check(state: FlaggerJudgeState, tick: JudgeTick, { threshold, analyses }: FlaggerJudgeOptions) {
  const checks = analyses.map((one) => {
    const inside = state.window.filter(({ atMs }) => atMs > tick.atMs - one.windowMs);
    return checkShare(one, total(inside, one.metric));
  });
  const { failedChecks, verdict } = decideFlagger(state.failedChecks, checks, threshold, tick.atEnd);
  return { state: { ...state, failedChecks }, verdict };
}

/** To Flagger no data is a failed check. Too few requests, which it does not know, are none at all. */
export function decideFlagger(
  failedBefore: number,
  checks: readonly Check[],
  threshold: number,
  atEnd: boolean,
): { readonly failedChecks: number; readonly verdict: TickVerdict } {
  const failed = checks.find(({ result }) => result === 'fail' || result === 'none');
  const counted = countCheck(failedBefore, failed === undefined, threshold);
  const allowed = `${counted.failedChecks} of ${Math.max(1, threshold)} failed checks`;
  const verdict = (decision: TickVerdict['decision'], reason: string) => ({
    failedChecks: counted.failedChecks,
    verdict: { decision, reason: `${reason} (${allowed})` },
  });
  if (counted.kind === 'rollback') return verdict('rollback', 'the failed checks have reached the threshold');
  if (failed !== undefined) return verdict('hold', `${failed.metric}: ${failed.detail}`);
  const open = checks.find(({ result }) => result === 'inconclusive');
  if (open !== undefined) return verdict('hold', `${open.metric}: ${open.detail}`);
  return verdict(atEnd ? 'promote' : 'advance', 'every check passes');
}
