import { setImmediate as othersTurn } from 'node:timers/promises';
import type { CounterFamily, CountersResult } from '../../core/analysis/judge.ts';
import type { Clock } from '../../engine/ports/clock.ts';

/** What one rollout wants to know of one fleet. */
export interface CountersAsk {
  readonly clusters: readonly string[];
  readonly families: readonly CounterFamily[];
  /** Of `upstream_rq`. */
  readonly codes: readonly string[];
  /** Of `upstream_rq_time_bucket`, ms; `null`: all. */
  readonly edges: readonly number[] | null;
  readonly proxies: readonly string[] | null;
  readonly fromMs: number;
  readonly toMs: number;
}

const AT_A_TIME = 8;

interface Waiting {
  readonly ask: CountersAsk;
  readonly resolve: (result: CountersResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what is asked of one fleet within a moment: rollouts of a fleet are due at the same time, and one question
 * about all their clusters costs Prometheus little more than a question about one. Answers come in the order of `asks`.
 */
export function coalesce(
  clock: Clock,
  gatherMs: number,
  read: (fleet: string, asks: readonly CountersAsk[]) => Promise<readonly CountersResult[]>,
): (fleet: string, ask: CountersAsk) => Promise<CountersResult> {
  const gathering = new Map<string, Waiting[]>();
  const release = async (fleet: string): Promise<void> => {
    const waiting = gathering.get(fleet) ?? [];
    gathering.delete(fleet);
    try {
      const results = await read(
        fleet,
        waiting.map(({ ask }) => ask),
      );
      for (const [i, { resolve, reject }] of waiting.entries()) {
        const result = results[i];
        if (result === undefined) reject(new Error('a question has no answer'));
        else resolve(result);
        // Each judges now, and that takes a while: Envoys and people must not wait for all of them. A few at a time, whose
        // commands go to the store together.
        if (i % AT_A_TIME === AT_A_TIME - 1) await othersTurn();
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  };
  return (fleet, ask) =>
    new Promise((resolve, reject) => {
      const waiting = gathering.get(fleet);
      if (waiting !== undefined) return void waiting.push({ ask, resolve, reject });
      gathering.set(fleet, [{ ask, resolve, reject }]);
      clock.setTimer(gatherMs, () => void release(fleet));
    });
}
