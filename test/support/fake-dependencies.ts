import { activeRollouts } from '../../src/engine/active-rollouts.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import type { FakeClock } from './fake-clock.ts';
import { fakeStore } from './fake-store.ts';
import { noHistory } from './no-history.ts';
import { noMeter } from './no-meter.ts';
import { quiet } from './quiet-logger.ts';
import { scriptedJudge, settings } from './rollouts.ts';

/** An engine's parts around a fake store, of a fleet without Envoys and without evidence; `own`: those of the test. */
export function fakeDependencies(clock: FakeClock, own: Partial<Dependencies> = {}): Dependencies {
  return {
    ...fakeStore(clock),
    fleets: { state: (fleet) => ({ fleet, observedSinceMs: 0, complete: true, nodes: [] }) },
    history: noHistory,
    loadReports: { since: () => [] },
    metrics: noEvidence,
    notifier: { targets: () => [], deliver: async () => ({ kind: 'delivered' }) },
    hooks: noHooks,
    wakeUps: { giveWay() {}, kick() {} },
    active: activeRollouts(),
    judge: scriptedJudge(() => 'pass'),
    clock,
    newId: () => 'unused',
    logger: quiet,
    meter: noMeter,
    settings: () => settings,
    fleetNames: ['edge'],
    fleetFilters: new Map(),
    rawEnvoy: 'off',
    ...own,
  };
}

/** Nobody opens anything. */
export const noHooks: Dependencies['hooks'] = {
  targets: () => [],
  ask: async () => ({ kind: 'failed', detail: 'no hook' }),
};

const gap = async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }) as const;

export const noEvidence: Dependencies['metrics'] = {
  counters: gap,
  scalar: gap,
  proxies: gap,
  offsetMs: async () => 0,
  scrapeMs: () => 1_000,
};
