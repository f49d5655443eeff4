import type { HookAnswer } from '../../src/core/rollout/hook-answer.ts';
import type { HookQuestion } from '../../src/core/rollout/hook-question.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import type { Dice } from './dice.ts';

/** The hook that gates ask, and what it has truly said of each gate. */
export interface SimHook {
  ask(question: HookQuestion): Promise<HookAnswer>;
  /** Has it opened this gate? */
  opened(gate: string): boolean;
  refused(gate: string): boolean;
}

/** In a storm it does what it likes, and hangs; afterwards it opens what it is asked for. */
export function simHook(clock: FakeClock, dice: Dice, storm: () => boolean): SimHook {
  const opened = new Set<string>();
  const refused = new Set<string>();
  const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(ms, resolve));
  return {
    ask: async ({ timeoutMs, body: { gate } }) => {
      const kind = storm()
        ? dice.pick<HookAnswer['kind']>('the hook says', ['open', 'wait', 'wait', 'failed'])
        : 'open';
      const slowMs = storm() ? dice.between('the hook takes', 1, 2 * timeoutMs) : 20;
      await pause(Math.min(slowMs, timeoutMs));
      if (slowMs > timeoutMs) return { kind: 'failed', detail: `no answer within ${timeoutMs} ms` };
      if (storm() && dice.strikes('the hook refuses', 0.05)) {
        refused.add(gate);
        return { kind: 'reject', detail: 'HTTP 200: it is too slow' };
      }
      if (kind === 'open') opened.add(gate);
      return { kind, detail: `HTTP ${kind}` };
    },
    opened: (gate) => opened.has(gate),
    refused: (gate) => refused.has(gate),
  };
}
