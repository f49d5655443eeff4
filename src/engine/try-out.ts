import type { Nack } from '../core/fleet/liveness.ts';
import type { Position } from '../core/model/traffic.ts';
import { trialResources } from '../core/traffic/with-trial.ts';
import type { Dependencies } from './dependencies.ts';
import { envoyVerdict } from './envoy-verdict.ts';
import type { Commit, Subject, Unavailable } from './ports/store.ts';
import { commit, EMPTY_COMMIT } from './publish.ts';

/** How long a trial may outlive the process that began it, ms. Longer than an Envoy may take to answer. */
const TRIAL_MS = 30_000;
/** How long to wait for the trials of others to end, ms. */
const TURN_MS = 10_000;
const LOOK_EVERY_MS = 50;

export type TriedOut =
  /** Nobody objects. What ends the trial belongs into the commit that makes the change for all, which has to find it. */
  | { readonly kind: 'go'; readonly ending: Ending }
  | { readonly kind: 'refused'; readonly nack: Nack }
  /** Its trial was taken away, or cannot be served on what others have changed since: nothing is known of the change. */
  | { readonly kind: 'not tried' }
  | { readonly kind: 'busy'; readonly by: string }
  | Unavailable;

type Ending = Pick<Commit, 'trials' | 'due'>;

const NOTHING_TO_END = { trials: [], due: [] } as const;

/**
 * Lets one connected Envoy per fleet try a change of documents out before the others get it. An Envoy that stays
 * silent is no objection; a fleet with one Envoy or none is asked by the change itself.
 *
 * @param by `apply/<id>`, of this one call
 */
export async function tryOut(deps: Dependencies, by: `apply/${string}`, traffic: Commit['traffic']): Promise<TriedOut> {
  const fleets = [...new Set(traffic.map(({ fleet }) => fleet))].flatMap((fleet) => {
    const connected = deps.fleets.state(fleet).nodes.filter((node) => node.connected);
    const probe = connected[0]?.nodeId;
    return connected.length < 2 || probe === undefined ? [] : [{ fleet, probe }];
  });
  if (fleets.length === 0) return { kind: 'go', ending: NOTHING_TO_END };
  const subjects = fleets.map(({ fleet }): Subject => `trial/${fleet}/${by}`);
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
    trials: fleets.map(({ fleet }) => ({ fleet, by, trial: null, mustStand: true })),
    due: subjects.map((subject) => ({ subject, atMs: null })),
  };
  const probes = new Map(fleets.map(({ fleet, probe }) => [fleet, probe]));
  const nack = await envoyVerdict(deps, begun.fleets, by, (fleet, nodeId) => probes.get(fleet) === nodeId);
  const tried = nack === null ? await wasTried(deps, by, [...probes.keys()]) : ({ kind: 'refused', nack } as const);
  if (tried === 'yes') return { kind: 'go', ending };
  // A reply that is lost here is made up for when the trial is due.
  await giveUpTrial(deps, ending);
  return tried;
}

/** Ends a trial whose change was not made after all. */
export async function giveUpTrial(deps: Dependencies, { trials, due }: Ending): Promise<void> {
  if (trials.length === 0) return;
  await commit(deps, { ...EMPTY_COMMIT, trials: trials.map((one) => ({ ...one, mustStand: false })), due });
}

/**
 * A trial that is due was begun by a process that is gone: its probe goes back to what everybody has. No other trial is
 * touched, whatever stands in the fleet by now.
 *
 * @param id `<fleet>/apply/<id>`
 */
export async function endOverdueTrial(deps: Dependencies, id: string): Promise<void> {
  const [fleet = '', ...rest] = id.split('/');
  const by = rest.join('/');
  const outcome = await commit(deps, {
    ...EMPTY_COMMIT,
    trials: [{ fleet, by, trial: null }],
    due: [{ subject: `trial/${id}`, atMs: null }],
  });
  if (outcome.kind === 'committed' && outcome.fleets[fleet] !== undefined)
    deps.logger.warn('a trial was left behind and is ended', { fleet, by });
}

/** An Envoy that ACKs may have been given the table without the trial; the records tell. */
async function wasTried(
  { traffic }: Dependencies,
  by: string,
  fleets: readonly string[],
): Promise<'yes' | Extract<TriedOut, { readonly kind: 'not tried' | 'unavailable' }>> {
  for (const fleet of fleets) {
    const read = await traffic.table(fleet);
    if (read.kind !== 'ok') return { kind: 'unavailable', detail: read.detail };
    if (read.value.trial?.by !== by || trialResources(read.value)?.kind !== 'ok') return { kind: 'not tried' };
  }
  return 'yes';
}

type Begun =
  | { readonly kind: 'begun'; readonly fleets: Readonly<Record<string, Position>> }
  | Extract<TriedOut, { readonly kind: 'busy' | 'unavailable' }>;

async function begin(deps: Dependencies, change: Commit): Promise<Begun> {
  const untilMs = deps.clock.monotonicMs() + TURN_MS;
  for (;;) {
    const outcome = await commit(deps, change);
    if (outcome.kind === 'committed') return { kind: 'begun', fleets: outcome.fleets };
    if (outcome.kind === 'unavailable') return outcome;
    if (deps.clock.monotonicMs() >= untilMs) {
      const read = await deps.traffic.table(outcome.key.slice('trial/'.length));
      return { kind: 'busy', by: read.kind === 'ok' ? (read.value.trial?.by ?? 'another') : 'another' };
    }
    await new Promise<void>((resolve) => {
      deps.clock.setTimer(LOOK_EVERY_MS, resolve);
    });
  }
}
