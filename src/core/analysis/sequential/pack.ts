import type { TiltTestState } from '../statistics/tilt-test.ts';
import type { CeilingState } from './ceiling.ts';
import { packEnvoys, unpackEnvoys } from './envoy-shares.ts';
import type { MetricState } from './metric.ts';
import type { SafetyState } from './non-inferiority.ts';
import type { SequentialState } from './state.ts';

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const CODE_OF = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
const VALUE_OF = new Uint8Array(128);
for (const [value, code] of CODE_OF.entries()) VALUE_OF[code] = value;
/** Of a level: 42 bits, so 30 of its mantissa. */
const CHARACTERS = 7;
/** Of the lower half of a number; its 10 highest bits are kept. */
const KEPT = 0xff_c0_00_00;

/** The bits of one number at a time: there are a thousand in a state. */
const bits = new DataView(new ArrayBuffer(8));

type PackedTest = Omit<TiltTestState, 'levels'> & { readonly starts: number; readonly levels: string };
type PackedMetric = Omit<MetricState, 'test' | 'floor'> & {
  readonly test: PackedTest;
  readonly floor: PackedTest | null;
};
interface PackedSafety {
  readonly ratio: PackedTest;
  readonly absolute: PackedTest;
}
type Routing = SequentialState['routing'];

type Edge = SequentialState['edges'][number];
/** How long ago it was, then bad and all of the canary, then of stable. */
type PackedCounts = readonly [agoMs: number, canaryBad: number, canary: number, stableBad: number, stable: number];

/** The same with the levels of all tests as text: in digits they would take most of the room there is. */
export type PackedState = Omit<
  SequentialState,
  'errors' | 'retried' | 'cut' | 'edges' | 'routing' | 'ceilings' | 'safety'
> & {
  readonly safety?: { readonly errors: PackedSafety; readonly retried: PackedSafety; readonly cut: PackedSafety };
  readonly errors: PackedMetric;
  readonly retried: PackedMetric;
  readonly cut: PackedMetric;
  readonly edges: readonly (Omit<Edge, 'metric' | 'safety'> & {
    readonly metric: PackedMetric;
    readonly safety?: PackedSafety;
  })[];
  readonly ceilings: {
    readonly errors: readonly PackedCounts[];
    readonly latency: readonly { readonly ms: number; readonly seen: readonly PackedCounts[] }[];
  };
  readonly routing: Omit<Routing, 'share' | 'twice' | 'envoys'> & {
    readonly share: { readonly up: PackedTest; readonly down: PackedTest };
    readonly twice: PackedTest;
    /** Memories of earlier versions lack it. */
    readonly envoys?: string;
  };
};

/** Levels lose what is behind their ninth digit. What `settled` gives comes back as it was. */
export function packState(state: SequentialState): PackedState {
  const { errors, retried, cut, edges, routing, ceilings, safety, ...rest } = state;
  return {
    ...rest,
    ...(safety === undefined ? {} : { safety: ofEach(safety, packSafety) }),
    errors: packMetric(errors),
    retried: packMetric(retried),
    cut: packMetric(cut),
    edges: edges.map(({ safety: own, ...one }) => ({
      ...one,
      metric: packMetric(one.metric),
      ...(own === undefined ? {} : { safety: packSafety(own) }),
    })),
    ceilings: {
      errors: ceilings.errors.map(packCounts(state)),
      latency: ceilings.latency.map(({ ms, seen }) => ({ ms, seen: seen.map(packCounts(state)) })),
    },
    routing: {
      ...routing,
      share: { up: packTest(routing.share.up), down: packTest(routing.share.down) },
      twice: packTest(routing.twice),
      envoys: packEnvoys(routing.envoys ?? []),
    },
  };
}

export function unpackState(state: PackedState): SequentialState {
  const { errors, retried, cut, edges, routing, ceilings, safety, ...rest } = state;
  return {
    ...rest,
    ...(safety === undefined ? {} : { safety: ofEach(safety, unpackSafety) }),
    errors: unpackMetric(errors),
    retried: unpackMetric(retried),
    cut: unpackMetric(cut),
    edges: edges.map(({ safety: own, ...one }) => ({
      ...withObjective(one, state),
      metric: unpackMetric(one.metric),
      ...(own === undefined ? {} : { safety: unpackSafety(own) }),
    })),
    ceilings: {
      errors: ceilings.errors.map(unpackCounts(state)),
      latency: ceilings.latency.map(({ ms, seen }) => ({ ms, seen: seen.map(unpackCounts(state)) })),
    },
    routing: {
      ...routing,
      share: { up: unpackTest(routing.share.up), down: unpackTest(routing.share.down) },
      twice: unpackTest(routing.twice),
      envoys: unpackEnvoys(routing.envoys ?? ''),
    },
  };
}

/** Earlier versions knew one objective, and kept this outside of its edge. */
interface Earlier {
  readonly power: { readonly objective?: number };
  readonly baseline: { readonly objective?: Edge['baseline'] };
}

function withObjective(edge: Omit<PackedState['edges'][number], 'safety'>, { power, baseline }: PackedState & Earlier) {
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

type OfEach<T> = Readonly<Record<'errors' | 'retried' | 'cut', T>>;

function ofEach<A, B>({ errors, retried, cut }: OfEach<A>, of: (one: A) => B): OfEach<B> {
  return { errors: of(errors), retried: of(retried), cut: of(cut) };
}

function packSafety({ ratio, absolute }: SafetyState): PackedSafety {
  return { ratio: packTest(ratio), absolute: packTest(absolute) };
}

function unpackSafety({ ratio, absolute }: PackedSafety): SafetyState {
  return { ratio: unpackTest(ratio), absolute: unpackTest(absolute) };
}

function packTest({ levels, ...rest }: TiltTestState): PackedTest {
  const codes: number[] = [];
  for (const level of levels) for (const value of level) pushNumber(codes, value);
  return { ...rest, starts: levels.length, levels: String.fromCharCode(...codes) };
}

function unpackTest({ levels: text, starts, ...rest }: PackedTest): TiltTestState {
  const width = text.length / CHARACTERS / starts;
  const levels: number[][] = [];
  for (let at = 0; levels.length < starts; ) {
    const level: number[] = [];
    for (; level.length < width; at += CHARACTERS) level.push(numberAt(text, at));
    levels.push(level);
  }
  return { ...rest, levels };
}

function pushNumber(codes: number[], value: number): void {
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  const low = bits.getUint32(4) >>> 22;
  for (let shift = 26; shift > 0; shift -= 6) codes.push(codeOf(high >>> shift));
  codes.push(codeOf((high << 4) | (low >>> 6)), codeOf(low));
}

function numberAt(text: string, at: number): number {
  let high = 0;
  for (let i = 0; i < 5; i += 1) high = (high << 6) | valueAt(text, at + i);
  const middle = valueAt(text, at + 5);
  bits.setUint32(0, (high << 2) | (middle >>> 4));
  bits.setUint32(4, ((middle << 6) | valueAt(text, at + 6)) << 22);
  return bits.getFloat64(0);
}

const codeOf = (value: number): number => CODE_OF[value & 63] ?? 0;
const valueAt = (text: string, at: number): number => VALUE_OF[text.charCodeAt(at)] ?? 0;

/**
 * A state as it is after it was stored. It is made so after every line that was judged: then it is the same whether a
 * look ended there or not.
 */
export function settled(state: SequentialState): SequentialState {
  const { errors, retried, cut, edges, routing, safety } = state;
  return {
    ...state,
    ...(safety === undefined ? {} : { safety: ofEach(safety, settledSafety) }),
    errors: settledMetric(errors),
    retried: settledMetric(retried),
    cut: settledMetric(cut),
    edges: edges.map((one) => ({
      ...one,
      metric: settledMetric(one.metric),
      ...(one.safety === undefined ? {} : { safety: settledSafety(one.safety) }),
    })),
    routing: {
      ...routing,
      share: { up: settledTest(routing.share.up), down: settledTest(routing.share.down) },
      twice: settledTest(routing.twice),
      envoys: routing.envoys ?? [],
    },
  };
}

function settledMetric(metric: MetricState): MetricState {
  const { test, floor } = metric;
  return { ...metric, test: settledTest(test), floor: floor === null ? null : settledTest(floor) };
}

function settledSafety({ ratio, absolute }: SafetyState): SafetyState {
  return { ratio: settledTest(ratio), absolute: settledTest(absolute) };
}

function settledTest(test: TiltTestState): TiltTestState {
  return { ...test, levels: test.levels.map((level) => level.map(settledLevel)) };
}

function settledLevel(value: number): number {
  bits.setFloat64(0, value);
  bits.setUint32(4, bits.getUint32(4) & KEPT);
  return bits.getFloat64(0);
}
