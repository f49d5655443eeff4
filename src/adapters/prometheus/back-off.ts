import { retryAfterMs } from '../../core/model/retry-after.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import { type Gap, gap, type Strain } from './gap.ts';

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** So long a server may keep us away by its own word. */
const LONGEST_ASKED_MS = 300_000;

/**
 * A server that is overloaded is not helped by being asked at every look. While it rests, every question is answered
 * at once with a gap, so rollouts hold and nothing waits.
 */
export interface BackOff {
  /** The gap to answer with; `null`: ask. */
  resting(): Gap | null;
  /** `strain: null`: the server has answered. */
  heard(strain: Strain | null): void;
}

export function createBackOff(clock: Clock): BackOff {
  let failures = 0;
  let untilMs = Number.NEGATIVE_INFINITY;
  return {
    resting: () => {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0) return null;
      return gap('SOURCE_REFUSED', `Prometheus is overloaded and is asked again in ${Math.ceil(leftMs / 1_000)} s`);
    },
    heard: (strain) => {
      if (strain === null) {
        failures = 0;
        return;
      }
      // Answers to questions of one moment are one sign, not many.
      if (untilMs > clock.monotonicMs()) return;
      const ownMs = Math.min(FIRST_MS * 2 ** Math.min(failures, 5), LONGEST_MS);
      failures += 1;
      untilMs = clock.monotonicMs() + (retryAfterMs(strain.retryAfter, clock.now(), LONGEST_ASKED_MS) ?? ownMs);
    },
  };
}
