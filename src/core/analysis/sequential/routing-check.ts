import { rejects } from '../statistics/combine.ts';
import { type ShareTestState, shareEvidence, startShareTest, updateShareTest } from '../statistics/share-test.ts';
import { type Start, startTiltTest, type TiltTestState, updateTiltTest } from '../statistics/tilt-test.ts';

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
}

export function startRouting(starts: readonly Start[]): RoutingState {
  const share = startShareTest({ tolerance: TOLERANCE, starts });
  return { share, twice: startTiltTest({ starts }), mismatch: false };
}

/** On sums over the fleet: with one wanted share they say the same as its proxies one by one. */
export function updateRouting(
  state: RoutingState,
  seen: { readonly canary: number; readonly stable: number } | null,
  options: { readonly wanted: number; readonly sticky: boolean; readonly starts: readonly Start[] },
): RoutingState {
  const { wanted, sticky, starts } = options;
  const strata = seen === null ? [] : [{ x: seen.canary, n: seen.canary + seen.stable, w: wanted }];
  const share = updateShareTest({ tolerance: sticky ? STICKY_TOLERANCE : TOLERANCE, starts }, state.share, strata);
  const twice = updateTiltTest({ ...TWICE, starts }, state.twice, strata, 1);
  return { share, twice, mismatch: state.mismatch || rejects(shareEvidence(share), ALPHA) };
}

export function getsTwice({ twice }: RoutingState): boolean {
  return rejects(twice.raw, ALPHA);
}
