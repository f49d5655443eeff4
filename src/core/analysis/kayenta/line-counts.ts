import { NOTHING_ASKED } from '../sequential/asked.ts';
import { type Counting, countErrors, countSlow, summed } from '../sequential/counts.ts';
import type { ArmGrowth } from '../sequential/growth.ts';
import { ENVOY_EDGES_MS } from '../sequential/latency-edges.ts';
import type { Line } from '../sequential/walk.ts';
import type { ShareSpec } from '../threshold/measure-share.ts';
import { type BothArms, NO_REQUESTS } from './samples.ts';

interface Both {
  readonly fromMs: number;
  readonly canary: ArmGrowth;
  readonly stable: ArmGrowth;
}

/** What one scrape adds to each share, on the Envoys that show both arms; `null`: there is no such pair. */
export function countLine(
  line: Line,
  shares: readonly ShareSpec[],
  settings: { readonly routeTimeoutMs: number },
): readonly BothArms[] | null {
  const pairs = line.pairs.flatMap(({ fromMs, canary, stable }): Both[] =>
    canary === null || stable === null ? [] : [{ fromMs, canary, stable }],
  );
  if (pairs.length === 0) return null;
  return shares.map((spec): BothArms => {
    if (spec.kind === 'error-rate') return sums(pairs, countErrors(spec.count ?? NOTHING_ASKED.errors.count));
    const warmupMs = spec.warmupMs ?? NOTHING_ASKED.latency.warmupMs;
    const warm = pairs.filter(({ fromMs }) => fromMs >= line.liveFromMs + warmupMs);
    const edgeMs = edgeAt(pairs, spec.objectiveMs ?? Number.POSITIVE_INFINITY);
    return edgeMs === null ? NO_REQUESTS : sums(warm, countSlow(edgeMs, settings));
  });
}

function sums(pairs: readonly Both[], of: Counting): BothArms {
  const arm = (name: 'canary' | 'stable') =>
    summed(
      pairs.map((pair) => pair[name]),
      of,
    );
  return { canary: arm('canary'), stable: arm('stable') };
}

/** The smallest edge at or above the objective; of Envoy's own, until a histogram shows its. `null`: there is none. */
function edgeAt(pairs: readonly Both[], objectiveMs: number): number | null {
  const seen = pairs
    .flatMap(({ canary, stable }) => [...canary.within.edges, ...stable.within.edges])
    .filter(Number.isFinite);
  const known = seen.length === 0 ? ENVOY_EDGES_MS : seen;
  const least = Math.min(...known.filter((ms) => ms >= objectiveMs));
  return Number.isFinite(least) ? least : null;
}
