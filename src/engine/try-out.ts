import type { Nack } from '../core/fleet/liveness.ts';
import type { Position } from '../core/model/traffic.ts';
import type { Dependencies } from './dependencies.ts';
import { envoyVerdict } from './envoy-verdict.ts';
import { fromStore } from './load.ts';
import type { Commit, Subject } from './ports/store.ts';
import { commit, EMPTY_COMMIT } from './publish.ts';

/** How long a trial may outlive the process that began it, ms. Longer than an Envoy may take to answer. */
const TRIAL_MS = 30_000;
/** How long to wait for the trials of others to end, ms. */
const TURN_MS = 10_000;
const LOOK_EVERY_MS = 50;

export type TriedOut =
  /** Nobody objects. What ends the trial belongs into the commit that makes the change for all. */
  | { readonly kind: 'go'; readonly ending: Pick<Commit, 'trials' | 'due'> }
  | { readonly kind: 'refused'; readonly nack: Nack }
  | { readonly kind: 'busy'; readonly by: string }
  | { readonly kind: 'unavailable'; readonly detail: string };

const NOTHING_TO_END = { trials: [], due: [] } as const;

/**
 * Lets one connected Envoy per fleet try a change of documents out before the others get it. An Envoy that stays
 * silent is no objection; a fleet with one Envoy or none is asked by the change itself.
 *
 * @param by `apply/<id>`
 */
export async function tryOut(deps: Dependencies, by: string, traffic: Commit['traffic']): Promise<TriedOut> {
  const fleets = [...new Set(traffic.map(({ fleet }) => fleet))].flatMap((fleet) => {
    const connected = deps.fleets.state(fleet).nodes.filter((node) => node.connected);
    const probe = connected[0]?.nodeId;
    return connected.length < 2 || probe === undefined ? [] : [{ fleet, probe }];
  });
  if (fleets.length === 0) return { kind: 'go', ending: NOTHING_TO_END };
  const subjects = fleets.map(({ fleet }): Subject => `trial/${fleet}`);
  const begun = await begin(deps, {
    ...EMPTY_COMMIT,
    trials: fleets.map(({ fleet, probe }) => {
      const own = traffic.filter((change) => change.fleet === fleet);
      return { fleet, by, trial: { probe, changes: own.map(({ owner, value }) => [owner, value] as const) } };
    }),
    due: subjects.map((subject) => ({ subject, atMs: deps.clock.now() + TRIAL_MS })),
  });
  if (begun.kind !== 'begun') return begun;
  const ending = {
    trials: fleets.map(({ fleet }) => ({ fleet, by, trial: null })),
    due: subjects.map((subject) => ({ subject, atMs: null })),
  };
  const probes = new Map(fleets.map(({ fleet, probe }) => [fleet, probe]));
  const nack = await envoyVerdict(deps, begun.fleets, by, (fleet, nodeId) => probes.get(fleet) === nodeId);
  if (nack === null) return { kind: 'go', ending };
  // A reply that is lost here is made up for when the trial is due.
  await commit(deps, { ...EMPTY_COMMIT, ...ending });
  return { kind: 'refused', nack };
}

/** Ends a trial whose change was not made after all. */
export async function giveUpTrial(deps: Dependencies, ending: Pick<Commit, 'trials' | 'due'>): Promise<void> {
  if (ending.trials.length > 0) await commit(deps, { ...EMPTY_COMMIT, ...ending });
}

/** A trial that is due was begun by a process that is gone: its probe goes back to what everybody has. */
export async function endOverdueTrial(deps: Dependencies, fleet: string): Promise<void> {
  const subject: Subject = `trial/${fleet}`;
  const standing = fromStore(await deps.traffic.standing(fleet, 'route/-'));
  if (standing.kind === 'error') return;
  const by = standing.value.trial?.by ?? '';
  // A rollout ends its own.
  if (!by.startsWith('apply/')) return void (await deps.due.forget(subject));
  deps.logger.warn('a trial was left behind and is ended', { fleet, by });
  await commit(deps, { ...EMPTY_COMMIT, trials: [{ fleet, by, trial: null }], due: [{ subject, atMs: null }] });
}

type Begun =
  | { readonly kind: 'begun'; readonly fleets: Readonly<Record<string, Position>> }
  | Exclude<TriedOut, { readonly kind: 'go' | 'refused' }>;

async function begin(deps: Dependencies, change: Commit): Promise<Begun> {
  const untilMs = deps.clock.monotonicMs() + TURN_MS;
  for (;;) {
    const outcome = await commit(deps, change);
    if (outcome.kind === 'committed') return { kind: 'begun', fleets: outcome.fleets };
    if (outcome.kind === 'unavailable') return outcome;
    if (deps.clock.monotonicMs() >= untilMs) {
      const fleet = outcome.key.slice('trial/'.length);
      const standing = await deps.traffic.standing(fleet, 'route/-');
      return { kind: 'busy', by: standing.kind === 'ok' ? (standing.value.trial?.by ?? 'another') : 'another' };
    }
    await new Promise<void>((resolve) => {
      deps.clock.setTimer(LOOK_EVERY_MS, resolve);
    });
  }
}
