import { HISTORY, MOST_SCRAPES, SCRAPE_S, SCRAPES_PER_STEP, WEIGHTS } from './plan.ts';
import type { Behaviour, World } from './world.ts';

/** A number, or what it becomes when (seconds since the first canary traffic). */
export type OverTime = number | readonly (readonly [fromS: number, value: number])[];

/** All that a world is made of, in numbers: whoever reads a figure sees what was played. */
export interface Parameters {
  readonly about: string;
  readonly rps: OverTime;
  readonly proxies: number;
  readonly burst: number;
  readonly edgesMs: readonly number[];
  readonly stable: ArmParameters;
  readonly canary: ArmParameters;
  /** Of the canary in the first minute of each step, where it is another one then. */
  readonly canaryAtFirst?: ArmParameters;
  /** Share that reaches the canary where 5 % are wanted. */
  readonly shareAt5: number;
  readonly disturbance: World['disturbance'];
  readonly onsetS: number;
}

/** Shares of the requests. */
export interface ArmParameters {
  readonly errors: OverTime;
  /** Slower than each edge. */
  readonly slow: readonly number[];
  readonly retried: number;
  readonly cut: number;
  readonly hung: number;
}

/** What all worlds share. */
export const COMMON = {
  weights: WEIGHTS,
  scrapeS: SCRAPE_S,
  scrapesPerStep: SCRAPES_PER_STEP,
  historyScrapes: HISTORY,
  mostScrapes: MOST_SCRAPES,
};

const LATE_S = 120;
const TIMES_S = Array.from({ length: (MOST_SCRAPES * SCRAPE_S) / 120 + 1 }, (_, i) => i * 120);

export function parametersOf(world: World): Parameters {
  const { about, proxies, burst, edgesMs, disturbance, onsetS } = world;
  const [usual, first] = [arm((tS) => world.canary(tS, LATE_S)), arm((tS) => world.canary(tS, 0))];
  return {
    ...{ about, rps: overTime((tS) => world.rps(tS, 0)), proxies, burst, edgesMs },
    stable: arm(world.stable),
    canary: usual,
    ...(JSON.stringify(first) === JSON.stringify(usual) ? {} : { canaryAtFirst: first }),
    ...{ shareAt5: rounded(world.achieved(0.05)), disturbance, onsetS },
  };
}

/** The same in a line; what is as in steady traffic without faults is left out. */
export function parameterWords(world: World): string {
  const { rps, proxies, burst, edgesMs, stable, canary, canaryAtFirst, shareAt5, disturbance } = parametersOf(world);
  const slowness = ({ slow }: ArmParameters) => slow.map(percent).join(', ');
  const more = (name: 'retried' | 'cut' | 'hung') =>
    stable[name] === 0 && canary[name] === 0 ? [] : [`${name} ${percent(stable[name])} / ${percent(canary[name])} %`];
  const slow = slowness(stable) === slowness(canary) ? slowness(stable) : `${slowness(stable)} / ${slowness(canary)}`;
  return [
    `${words(rps, String)} rps${proxies === 1 ? '' : ` over ${proxies} proxies`}`,
    `errors ${words(stable.errors, percent)} / ${words(canary.errors, percent)} %`,
    ...(burst === 1 ? [] : [`in bursts of ${burst}`]),
    `over ${edgesMs.join(', ')} ms ${slow} %`,
    ...(canaryAtFirst === undefined ? [] : [`in the first minute of a step ${slowness(canaryAtFirst)} %`]),
    ...(['retried', 'cut', 'hung'] as const).flatMap(more),
    ...(shareAt5 === 0.05 ? [] : [`${percent(shareAt5)} % reach the canary where 5 % should`]),
    ...(disturbance === null ? [] : disturbanceWords(disturbance)),
  ].join('; ');
}

function disturbanceWords({ missing, restart, spreadS, late }: NonNullable<World['disturbance']>): readonly string[] {
  return [
    ...(missing === 0 ? [] : [`${percent(missing)} % of the scrapes missing`]),
    ...(restart === 0 ? [] : [`${percent(restart)} % of the proxies restart per scrape`]),
    ...(spreadS === 0 ? [] : [`weights taken within ${spreadS} s`]),
    ...(late === 0 ? [] : [`${percent(late)} % of the successes a scrape late`]),
  ];
}

function arm(at: (tS: number) => Behaviour): ArmParameters {
  const { slow, retried, cut, hung } = at(0);
  return { errors: overTime((tS) => at(tS).error), slow: slow.map(rounded), retried, cut, hung };
}

/** Looked at every two minutes, which is when the published worlds change. */
function overTime(at: (tS: number) => number): OverTime {
  const all = TIMES_S.map((tS) => [tS, rounded(at(tS))] as const);
  const turns = all.filter(([, value], i) => value !== all[i - 1]?.[1]);
  const [only] = turns;
  return turns.length === 1 && only !== undefined ? only[1] : turns;
}

/** A few values are listed; of many the range is told. */
function words(value: OverTime, text: (one: number) => string): string {
  if (typeof value === 'number') return text(value);
  const values = value.map(([, one]) => one);
  if (value.length > 3) return `${text(Math.min(...values))}–${text(Math.max(...values))}`;
  return value.map(([fromS, one], i) => (i === 0 ? text(one) : `${text(one)} from ${fromS} s`)).join(', ');
}

function percent(share: number): string {
  return String(Number((share * 100).toPrecision(3)));
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
