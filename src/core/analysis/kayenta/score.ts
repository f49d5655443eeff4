import type { CanaryClass, MetricClass } from '../../model/kayenta-spec.ts';

export interface Scored {
  readonly label: MetricClass;
  /** The critical-failure flag of its classification. */
  readonly critical: boolean;
  readonly groups: readonly string[];
  /** Shown, but not scored. */
  readonly muted: boolean;
}

export interface GroupScore {
  readonly name: string;
  /** 0–100; 0 where no metric of the group has data, though the sum then counts it as 100. */
  readonly score: number;
  /** Percent. */
  readonly weight: number;
}

export interface ScoreRules {
  /** Percent; groups without one share what is left equally. */
  readonly groupWeights: ReadonlyMap<string, number>;
  readonly pass: number;
  readonly marginal: number;
}

export interface Score {
  readonly groups: readonly GroupScore[];
  readonly score: number;
  readonly classification: Exclude<CanaryClass, 'Nodata'>;
}

/** So many percent of metrics without data fail the canary. */
const NODATA_LIMIT = 50;

export function scoreMetrics(results: readonly Scored[], rules: ScoreRules): Score {
  const counted = results.filter(({ muted }) => !muted);
  const tallies = tally(counted);
  const unweighted = [...tallies.keys()].filter((name) => !rules.groupWeights.has(name));
  const given = [...rules.groupWeights.values()].reduce((sum, weight) => sum + weight, 0);
  const rest = unweighted.length === 0 ? 0 : (100 - given) / unweighted.length;
  let sum = 0;
  const groups = [...tallies].map(([name, { passed, total }]): GroupScore => {
    const weight = rules.groupWeights.get(name) ?? rest;
    const score = total === 0 ? 0 : (passed / total) * 100;
    sum += (total === 0 ? 100 : score) * (weight / 100);
    return { name, score, weight };
  });
  if (failsAtOnce(counted)) return { groups, score: 0, classification: 'Fail' };
  const score = round(sum);
  return { groups, score, classification: classify(score, rules) };
}

function tally(results: readonly Scored[]): Map<string, { passed: number; total: number }> {
  const tallies = new Map<string, { passed: number; total: number }>();
  for (const { label, groups } of results) {
    for (const name of groups) {
      const group = tallies.get(name) ?? { passed: 0, total: 0 };
      tallies.set(name, group);
      if (label === 'Pass') group.passed += 1;
      if (label !== 'Nodata' && label !== 'Error') group.total += 1;
    }
  }
  return tallies;
}

function failsAtOnce(results: readonly Scored[]): boolean {
  if (results.some(({ critical, label }) => critical && label !== 'Pass')) return true;
  const blind = results.filter(({ label }) => label === 'Nodata').length;
  return results.length > 0 && (blind / results.length) * 100 >= NODATA_LIMIT;
}

function classify(score: number, { pass, marginal }: ScoreRules): Score['classification'] {
  if (score >= pass) return 'Pass';
  return score >= marginal ? 'Marginal' : 'Fail';
}

/** To two decimals, half up by the digits as they are written: 1.005 is 1.01, though the double is a little less. */
function round(value: number): number {
  if (Math.abs(value) < 1e-6) return 0;
  return Number(`${Math.round(Number(`${value}e2`))}e-2`);
}
