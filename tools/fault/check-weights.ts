import { TOTAL_WEIGHT } from '../../src/core/model/documents.ts';
import { committedMs, startedMs } from './check-history.ts';
import type { History, Outage, RolloutHistory, WeightSight } from './history.ts';

/** One committed way of a backend's requests. */
interface State {
  readonly atMs: number;
  readonly split: string;
  readonly rollout: RolloutHistory;
  /** It holds what no earlier one of this rollout's way back allowed. */
  readonly isBack: boolean;
}

/** Clocks of engine and harness are one machine's, but the engine smooths its own. */
const SLACK_MS = 300;
/** A push that was on its way when a decision became durable arrives within this. */
const ON_ITS_WAY_MS = 500;

/**
 * What each Envoy was seen to do, against what was committed: an Envoy may have the current, the previous, or the stable
 * state of its backend (I1), and once a way back is durable nothing gives the canary more than it had (I3).
 */
export function checkWeights(history: History): string[] {
  const wrong: string[] = [];
  const states = statesByBackend(history.rollouts);
  const last = new Map<string, WeightSight>();
  for (const sight of history.weights) {
    const key = `${sight.envoy} ${sight.backend}`;
    const before = last.get(key);
    last.set(key, sight);
    const sum = Object.values(sight.split).reduce((total, weight) => total + weight, 0);
    if (sum !== TOTAL_WEIGHT) wrong.push(`${describe(sight)}: the weights sum to ${sum}`);
    const committed = states.get(sight.backend) ?? [];
    if (!isAllowed(sight, before, committed)) wrong.push(`${describe(sight)}: none of the states it may have`);
    if (before !== undefined && isRaised(sight, before, committed, history.outages))
      wrong.push(`${describe(sight)}: raised after a durable way back, before it had ${textOf(before.split)}`);
  }
  return wrong;
}

function statesByBackend(rollouts: readonly RolloutHistory[]): Map<string, State[]> {
  const states = new Map<string, State[]>();
  const byStart = rollouts.toSorted((a, b) => startedMs(a) - startedMs(b));
  for (const rollout of byStart) {
    const { backend, canaryCluster, stableCluster, events } = rollout;
    const own = states.get(backend) ?? [];
    states.set(backend, own);
    own.push({
      // What is stable at the first start was so before.
      atMs: own.length === 0 ? 0 : startedMs(rollout),
      split: arms(stableCluster, canaryCluster, 0),
      rollout,
      isBack: false,
    });
    for (const event of events) {
      if (event.type !== 'step' || typeof event.data.weight !== 'number') continue;
      const canary = Math.round(event.data.weight * 100);
      const isBack = event.phase === 'rolling_back' || event.phase === 'aborting';
      own.push({ atMs: committedMs(event), split: arms(stableCluster, canaryCluster, canary), rollout, isBack });
    }
  }
  return states;
}

function arms(stable: string, canary: string, weight: number): string {
  const split = { [stable]: TOTAL_WEIGHT - weight, [canary]: weight };
  return textOf(Object.fromEntries(Object.entries(split).filter(([, share]) => share > 0)));
}

function textOf(split: WeightSight['split']): string {
  return Object.entries(split)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([cluster, weight]) => `${cluster}=${weight}`)
    .join(' ');
}

/** Current or previous at some moment since it was last seen, or stable of the rollout then. */
function isAllowed(sight: WeightSight, before: WeightSight | undefined, states: readonly State[]): boolean {
  const fromMs = (before?.lastAskedAtMs ?? 0) - SLACK_MS;
  const split = textOf(sight.split);
  const newest = states.findLastIndex(({ atMs }) => atMs <= sight.atMs + SLACK_MS);
  const oldest = Math.max(0, states.findLastIndex(({ atMs }) => atMs <= fromMs) - 1);
  const open = states.slice(oldest, newest + 1);
  return open.some(({ split: own, rollout }) => {
    const stable = arms(rollout.stableCluster, rollout.canaryCluster, 0);
    return own === split || stable === split;
  });
}

function isRaised(
  sight: WeightSight,
  before: WeightSight,
  states: readonly State[],
  outages: readonly Outage[],
): boolean {
  const back = states.findLast(({ isBack, atMs }) => isBack && atMs + ON_ITS_WAY_MS < before.lastAskedAtMs);
  if (back === undefined) return false;
  const cluster = back.rollout.canaryCluster;
  if ((sight.split[cluster] ?? 0) <= (before.split[cluster] ?? 0)) return false;
  // What a stopped Envoy had been sent before, it takes when it goes on.
  return !outages.some(
    ({ envoy, kind, fromMs, toMs }) =>
      envoy === sight.envoy &&
      kind === 'stopped' &&
      fromMs <= sight.atMs &&
      toMs + ON_ITS_WAY_MS >= before.lastAskedAtMs,
  );
}

function describe({ envoy, backend, atMs, split }: WeightSight): string {
  return `${envoy} at ${new Date(atMs).toISOString()} splits ${backend} as ${textOf(split) || 'nothing'}`;
}
