import type { TiltTestState } from '../statistics/tilt-test.ts';
import type { CeilingState } from './ceiling.ts';
import type { MetricState } from './metric.ts';
import type { SequentialState } from './state.ts';

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** Of a level: 42 bits, so 30 of its mantissa. */
const CHARACTERS = 7;
const [SIX_BITS, TEN_BITS, TWENTY_TWO_BITS] = [2 ** 6, 2 ** 10, 2 ** 22];

type PackedTest = Omit<TiltTestState, 'levels'> & { readonly starts: number; readonly levels: string };
type PackedMetric = Omit<MetricState, 'test' | 'floor'> & {
  readonly test: PackedTest;
  readonly floor: PackedTest | null;
};
type Routing = SequentialState['routing'];

type Edge = SequentialState['edges'][number];
/** How long ago it was, then bad and all of the canary, then of stable. */
type PackedCounts = readonly [agoMs: number, canaryBad: number, canary: number, stableBad: number, stable: number];

/** The same with the levels of all tests as text: in digits they would take most of the room there is. */
export type PackedState = Omit<SequentialState, 'errors' | 'retried' | 'cut' | 'edges' | 'routing' | 'ceilings'> & {
  readonly errors: PackedMetric;
  readonly retried: PackedMetric;
  readonly cut: PackedMetric;
  readonly edges: readonly (Omit<Edge, 'metric'> & { readonly metric: PackedMetric })[];
  readonly ceilings: {
    readonly errors: readonly PackedCounts[];
    readonly latency: readonly { readonly ms: number; readonly seen: readonly PackedCounts[] }[];
  };
  readonly routing: Omit<Routing, 'share' | 'twice'> & {
    readonly share: { readonly up: PackedTest; readonly down: PackedTest };
    readonly twice: PackedTest;
  };
};

/**
 * Levels lose what is behind their ninth digit. To be the same whenever it is stored, a state is packed after every
 * line that was judged.
 */
export function packState(state: SequentialState): PackedState {
  const { errors, retried, cut, edges, routing, ceilings } = state;
  return {
    ...state,
    errors: packMetric(errors),
    retried: packMetric(retried),
    cut: packMetric(cut),
    edges: edges.map((one) => ({ ...one, metric: packMetric(one.metric) })),
    ceilings: {
      errors: ceilings.errors.map(packCounts(state)),
      latency: ceilings.latency.map(({ ms, seen }) => ({ ms, seen: seen.map(packCounts(state)) })),
    },
    routing: {
      ...routing,
      share: { up: packTest(routing.share.up), down: packTest(routing.share.down) },
      twice: packTest(routing.twice),
    },
  };
}

export function unpackState(state: PackedState): SequentialState {
  const { errors, retried, cut, edges, routing, ceilings } = state;
  return {
    ...state,
    errors: unpackMetric(errors),
    retried: unpackMetric(retried),
    cut: unpackMetric(cut),
    edges: edges.map((one) => ({ ...withObjective(one, state), metric: unpackMetric(one.metric) })),
    ceilings: {
      errors: ceilings.errors.map(unpackCounts(state)),
      latency: ceilings.latency.map(({ ms, seen }) => ({ ms, seen: seen.map(unpackCounts(state)) })),
    },
    routing: {
      ...routing,
      share: { up: unpackTest(routing.share.up), down: unpackTest(routing.share.down) },
      twice: unpackTest(routing.twice),
    },
  };
}

/** Earlier versions knew one objective, and kept this outside of its edge. */
interface Earlier {
  readonly power: { readonly objective?: number };
  readonly baseline: { readonly objective?: Edge['baseline'] };
}

function withObjective(edge: PackedState['edges'][number], { power, baseline }: PackedState & Earlier) {
  const known = edge as Partial<typeof edge> & Pick<Edge, 'edge'>;
  return {
    ...edge,
    power: known.power ?? (known.edge.isObjective ? (power.objective ?? 0) : 0),
    baseline: known.baseline ?? baseline.objective ?? { bad: 0, total: 0 },
  };
}

type Timed = Pick<SequentialState, 'lastMs'>;

function packCounts({ lastMs }: Timed): (counts: CeilingState[number]) => PackedCounts {
  return ({ t, canary, stable }) => [(lastMs ?? 0) - t, canary.bad, canary.total, stable.bad, stable.total];
}

function unpackCounts({ lastMs }: Timed): (packed: PackedCounts) => CeilingState[number] {
  return ([agoMs, canaryBad, canary, stableBad, stable]) => ({
    t: (lastMs ?? 0) - agoMs,
    canary: { bad: canaryBad, total: canary },
    stable: { bad: stableBad, total: stable },
  });
}

function packMetric({ test, floor, ...rest }: MetricState): PackedMetric {
  return { ...rest, test: packTest(test), floor: floor === null ? null : packTest(floor) };
}

function unpackMetric({ test, floor, ...rest }: PackedMetric): MetricState {
  return { ...rest, test: unpackTest(test), floor: floor === null ? null : unpackTest(floor) };
}

function packTest({ levels, ...rest }: TiltTestState): PackedTest {
  return { ...rest, starts: levels.length, levels: levels.flat().map(packNumber).join('') };
}

function unpackTest({ levels, starts, ...rest }: PackedTest): TiltTestState {
  const values = Array.from({ length: levels.length / CHARACTERS }, (_, i) =>
    unpackNumber(levels.slice(i * CHARACTERS, (i + 1) * CHARACTERS)),
  );
  const width = values.length / starts;
  return { ...rest, levels: Array.from({ length: starts }, (_, i) => values.slice(i * width, (i + 1) * width)) };
}

function packNumber(value: number): string {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setFloat64(0, value);
  let bits = bytes.getUint32(0) * TEN_BITS + Math.floor(bytes.getUint32(4) / TWENTY_TWO_BITS);
  let text = '';
  for (let i = 0; i < CHARACTERS; i += 1) {
    text = DIGITS.charAt(bits % SIX_BITS) + text;
    bits = Math.floor(bits / SIX_BITS);
  }
  return text;
}

function unpackNumber(text: string): number {
  let bits = 0;
  for (const digit of text) bits = bits * SIX_BITS + Math.max(0, DIGITS.indexOf(digit));
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint32(0, Math.floor(bits / TEN_BITS));
  bytes.setUint32(4, (bits % TEN_BITS) * TWENTY_TWO_BITS);
  return bytes.getFloat64(0);
}
