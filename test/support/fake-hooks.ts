import type { HookAnswer } from '../../src/core/rollout/hook-answer.ts';
import type { HookQuestion } from '../../src/core/rollout/hook-question.ts';
import type { Clock } from '../../src/engine/ports/clock.ts';
import type { Hooks } from '../../src/engine/ports/hooks.ts';

export interface FakeHooks extends Hooks {
  /** What it answers from now on; `hang`: nothing, until the time of the question is over. */
  says: HookAnswer | 'hang';
  /** What it was asked, in order. */
  readonly asked: HookQuestion[];
  close(): void;
}

/** The hook `load-test`, which does as the test says. */
export function fakeHooks(clock: Pick<Clock, 'setTimer'>): FakeHooks {
  let closed = false;
  const fake: FakeHooks = {
    says: { kind: 'open', detail: 'HTTP 200' },
    asked: [],
    targets: () => ['load-test'],
    ask: async (question) => {
      if (question.target !== 'load-test') return { kind: 'failed', detail: `no hook ${question.target}` };
      fake.asked.push(question);
      const answer = fake.says;
      if (answer !== 'hang') return closed ? null : answer;
      await new Promise<void>((resolve) => void clock.setTimer(question.timeoutMs, resolve));
      return closed ? null : { kind: 'failed', detail: `no answer within ${question.timeoutMs} ms` };
    },
    close: () => {
      closed = true;
    },
  };
  return fake;
}
