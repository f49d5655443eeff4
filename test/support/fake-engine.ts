import { fail, ok } from '../../src/core/model/errors.ts';
import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import type { Engine, FleetReport, RolloutView } from '../../src/engine/engine.ts';
import { rollout } from './rollouts.ts';

export const view = (fields: Partial<RolloutView['rollout']> = {}, rev = 1): RolloutView => ({
  rev,
  rollout: rollout(fields),
  laggards: [],
});

/** A fleet at revision 12 of epoch `e`, without metrics. */
export const fleetReport = (
  fleet: string,
  nodes: readonly FleetNode[],
  fields: Partial<FleetReport> = {},
): FleetReport => ({
  state: { fleet, observedSinceMs: 0, complete: true, nodes },
  newest: { position: { epoch: 'e', n: 12 }, trial: null },
  coverage: { kind: 'off' },
  ...fields,
});

/** An engine for tests of surfaces: answers as told, and knows what it was asked. */
export function fakeEngine(answers: Partial<Engine> = {}): Engine & { readonly calls: [string, unknown][] } {
  const calls: [string, unknown][] = [];
  const unknown = fail('SERIN_NOT_FOUND', 'there is no such thing');
  const engine: Engine = {
    apply: async () => ok([]),
    documents: async () => ok([]),
    document: async () => unknown,
    remove: async () => unknown,
    setEndpoints: async ({ backend }) => ok({ backend, rev: 1, revisions: [] }),
    endpoints: async (backend) => ok({ backend, rev: 0, revisions: [] }),
    undo: async () => ok({ view: view(), created: true }),
    start: async () => ok({ view: view(), created: true }),
    command: async () => ok(view()),
    rollout: async () => ok(view()),
    rollouts: async () => ok({ rollouts: [view()], cursor: null }),
    events: async () => ok([]),
    verdicts: async () => ok([]),
    recording: async () => ok([]),
    decisions: async () => ok([]),
    explain: async () => unknown,
    fleets: () => ['edge'],
    fleet: async () => unknown,
    nodeDiff: async () => unknown,
    fleetCounts: () => [],
    deadLetters: async () => ok([]),
    reconcileStore: async ({ mode }) =>
      ok({ mode, freeze: 'the store has lost commits', replayed: null, backends: [], routes: [] }),
    audit: async () => ok([]),
    readiness: async () => [],
    ...answers,
  };
  const watched = Object.fromEntries(
    Object.entries(engine).map(([name, method]) => [
      name,
      (...args: unknown[]) => {
        calls.push([name, args[0]]);
        return (method as (...given: unknown[]) => unknown)(...args);
      },
    ]),
  ) as unknown as Engine;
  return Object.assign(watched, { calls });
}
