import { ok } from '../../src/core/model/errors.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createBell } from '../../src/platform/bell.ts';
import type { HttpOptions } from '../../src/surfaces/http/http-api.ts';
import { view } from './fake-engine.ts';

/** One rollout that the test moves on; whoever waits for it over HTTP sees every move at once. */
export interface MovingRollout {
  readonly answers: Pick<Engine, 'rollout' | 'start'>;
  readonly options: Pick<HttpOptions, 'pause'>;
  /** Readers that wait for the next move right now. */
  waiting(): number;
  move(fields: Partial<Rollout>): void;
}

export function movingRollout(fields: Partial<Rollout> = {}): MovingRollout {
  const bell = createBell();
  let now = view(fields);
  const waiting = new Set<object>();
  return {
    answers: { rollout: async () => ok(now), start: async () => ok({ view: now, created: true }) },
    options: {
      pause: async (ms) => {
        const reader = {};
        waiting.add(reader);
        await bell.wait(ms);
        waiting.delete(reader);
      },
    },
    waiting: () => waiting.size,
    move: (next) => {
      now = view({ ...now.rollout, ...next }, now.rev + 1);
      waiting.clear();
      bell.ring();
    },
  };
}
