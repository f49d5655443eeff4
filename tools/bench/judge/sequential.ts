import { judgeLine, recordLine } from '../../../src/core/analysis/sequential/judge-line.ts';
import { SEQUENTIAL_DEFAULTS, type SequentialSettings } from '../../../src/core/analysis/sequential/settings.ts';
import { startJudging } from '../../../src/core/analysis/sequential/state.ts';
import { walk } from '../../../src/core/analysis/sequential/walk.ts';
import { type Contest, content, ROLLBACK, WAIT } from './contestant.ts';
import { LAST_SCRAPE, SCRAPE_S, SCRAPES_PER_STEP, WEIGHTS } from './plan.ts';
import { createLines } from './traffic-lines.ts';

/** Dwell is the benchmark's own, and so is the end of its time. */
export const SETTINGS: SequentialSettings = {
  ...SEQUENTIAL_DEFAULTS,
  scrapeMs: SCRAPE_S * 1000,
  routeTimeoutMs: 0,
  steps: WEIGHTS.map((weight) => ({ weight: weight * 100, holdMs: 0, pinned: false, sticky: false })),
};

/** Serin's own decision. Its lines are what happened, or what the scrapes say of it where a world disturbs them. */
export const SEQUENTIAL: Contest = {
  name: 'sequential',
  plays: () => true,
  share: { full: 1, quick: 1 },
  enter: (world, { fleets, lines }) => {
    const { read } = walk(SETTINGS);
    const lineOf = createLines(world.edgesMs);
    const history =
      world.disturbance === null ? fleets.map((fleet) => lineOf(0, [fleet])) : lines.map((line) => read(line));
    let state = startJudging(SETTINGS);
    for (const line of history) state = recordLine(SETTINGS, state, line);
    return {
      look: (look) => {
        const line = look.line === null ? lineOf(look.weight * 100, look.proxies) : read(look.line);
        const { state: next, decision } = judgeLine(SETTINGS, state, line);
        state = next;
        if (decision.kind === 'rollback') return ROLLBACK;
        if (decision.code === 'ROUTING') return WAIT;
        const atEnd = look.clock + 1 >= LAST_SCRAPE;
        const leaves = (look.clock + 1) % SCRAPES_PER_STEP === 0;
        const waits = (atEnd && decision.kind !== 'promote') || (leaves && decision.kind === 'hold');
        return waits ? WAIT : content(look, 1);
      },
    };
  },
};
