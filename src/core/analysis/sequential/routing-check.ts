import { rejects } from '../statistics/combine.ts';
import { type ShareTestState, shareEvidence, startShareTest, updateShareTest } from '../statistics/share-test.ts';
import { type Start, startTiltTest, type TiltTestState, updateTiltTest } from '../statistics/tilt-test.ts';
import {
  addEnvoys,
  type EnvoySeen,
  type EnvoySums,
  envoysOff,
  envoyWords,
  percentOf,
  placesFor,
  someEnvoyOff,
} from './envoy-shares.ts';

const ALPHA = 0.001;
const TOLERANCE = 1.1;
/** Where users are split and not requests, a few of them make much of the traffic. */
const STICKY_TOLERANCE = 1.25;
const TWICE = { ratio: 2, side: 1 as const, clip: Number.POSITIVE_INFINITY };

/** Does the canary get the share it should? */
export interface RoutingState {
  readonly share: ShareTestState;
  readonly twice: TiltTestState;
  /** A mismatch holds until a person acts. */
  readonly mismatch: boolean;
  /** Requests at the present weight, since the check began. Memories of earlier versions lack it. */
  readonly seen?: Seen;
  /** The same by Envoy. Memories of earlier versions lack it. @default nothing was seen */
  readonly envoys?: readonly EnvoySums[];
  /** The last resume that it knows of; after a mismatch, requests count from then on. @default none */
  readonly resumed?: Resumed;
}

export interface Seen {
  readonly canary: number;
  readonly stable: number;
}

/** A person has let the rollout go on. */
export interface Resumed {
  /** Which time it was. */
  readonly id: number;
  /** By the clock of the samples, ms. */
  readonly atMs: number;
}

export const NOTHING_SEEN: Seen = { canary: 0, stable: 0 };

export function startRouting(starts: readonly Start[]): RoutingState {
  const share = startShareTest({ tolerance: TOLERANCE, starts });
  return { share, twice: startTiltTest({ starts }), mismatch: false };
}

/** On sums over the fleet, and by Envoy: one that is off does not show in the sum over many. */
export function updateRouting(
  state: RoutingState,
  seen: readonly EnvoySeen[],
  options: {
    readonly wanted: number;
    readonly sticky: boolean;
    readonly starts: readonly Start[];
    /** Weights of the plan, and how many there were so far. */
    readonly steps: number;
    readonly step: number;
    /** The first line at this weight. */
    readonly isNew: boolean;
  },
): RoutingState {
  const { wanted, sticky, starts, isNew, steps, step } = options;
  const { canary, stable } = total(seen);
  const strata = [{ x: canary, n: canary + stable, w: wanted }];
  const share = updateShareTest({ tolerance: sticky ? STICKY_TOLERANCE : TOLERANCE, starts }, state.share, strata);
  const twice = updateTiltTest({ ...TWICE, starts }, state.twice, strata, 1);
  const before = isNew ? NOTHING_SEEN : (state.seen ?? NOTHING_SEEN);
  // Who is sent where is a user's own there, and one Envoy may have a few of them: that says nothing about its table.
  const single = !sticky && wanted < 1 && step <= steps;
  const envoys = single ? addEnvoys(isNew ? [] : (state.envoys ?? []), seen, placesFor(starts.length)) : [];
  const isOff = seen.length > 0 && someEnvoyOff(envoys, ALPHA, { wanted, tolerance: TOLERANCE, steps });
  return {
    ...state,
    ...{ share, twice, envoys, mismatch: state.mismatch || isOff || rejects(shareEvidence(share), ALPHA) },
    seen: { canary: before.canary + canary, stable: before.stable + stable },
  };
}

export function total(seen: readonly EnvoySeen[]): Seen {
  return seen.reduce(
    (sum, one) => ({ canary: sum.canary + one.canary, stable: sum.stable + one.stable }),
    NOTHING_SEEN,
  );
}

/**
 * Who resumes a rollout that is held for its routing has seen the evidence: what came before does not hold it again, and
 * the check begins anew with its whole error. What sends back (`twice`) forgets nothing. `ticks`: of the rollout so far.
 */
export function resumeRouting(
  state: RoutingState,
  resumed: Resumed | null,
  { t, ticks, starts }: { readonly t: number; readonly ticks: number; readonly starts: readonly Start[] },
): RoutingState {
  if (resumed === null || resumed.id === state.resumed?.id || t < resumed.atMs) return state;
  if (!state.mismatch) return { ...state, resumed: { ...resumed, atMs: state.resumed?.atMs ?? 0 } };
  const { up, down } = startShareTest({ tolerance: TOLERANCE, starts });
  // Parts of the evidence that have begun go on from here: later ones would wait for as many ticks again.
  const share = { up: { ...up, tick: ticks }, down: { ...down, tick: ticks } };
  return { ...state, share, mismatch: false, seen: NOTHING_SEEN, envoys: [], resumed };
}

/** The wanted and the achieved share, and the Envoys that are off, for people. `names`: Envoys that are looked at. */
export function mismatchWords(
  { seen = NOTHING_SEEN, envoys = [] }: RoutingState,
  weight: number,
  names: readonly string[],
): string {
  const requests = seen.canary + seen.stable;
  if (requests === 0) return 'the canary does not get the share that it should';
  const achieved = percentOf(seen.canary, seen.stable);
  const words = `the canary gets ${achieved} of the requests, wanted are ${weight} % (${seen.canary} of ${requests} at this weight)`;
  const off = envoysOff(envoys, names, { wanted: weight / 100, tolerance: TOLERANCE });
  return off.length === 0 ? words : `${words}; off by itself: ${envoyWords(off)}`;
}

/** Of the present weight; `null`: nothing was counted. */
export function achievedShare({ seen = NOTHING_SEEN }: RoutingState): number | null {
  const requests = seen.canary + seen.stable;
  return requests === 0 ? null : Number((seen.canary / requests).toPrecision(4));
}

export function getsTwice({ twice }: RoutingState): boolean {
  return rejects(twice.raw, ALPHA);
}
