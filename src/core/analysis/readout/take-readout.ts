import type { ArmTotals, ReadoutMetric, ReadoutRecord } from '../../model/readout.ts';
import type { ScalarResult } from '../judge.ts';

export const READOUT_ARMS = ['stable', 'canary'] as const;
export type ReadoutArm = (typeof READOUT_ARMS)[number];

/** What is asked about each arm, with a key that no analysis can have. */
export function readoutQuestions(metric: ReadoutMetric, arm: ReadoutArm): readonly { key: string; query: string }[] {
  const key = (what: string) => `${metric.name}/${arm}/${what}`;
  const users = { key: key('users'), query: metric.users };
  return metric.kind === 'share'
    ? [users, { key: key('successes'), query: metric.successes }]
    : [users, { key: key('sum'), query: metric.sum }, { key: key('squares'), query: metric.sumOfSquares }];
}

/**
 * Adds what has grown since the last look. The first look of a weight is the base: what came before was split otherwise.
 * Totals that fall begin anew, so what a restart takes away is lost and never invented. `null`: nothing was read.
 */
export function takeReadout(
  metric: ReadoutMetric,
  before: ReadoutRecord | null,
  answers: ReadonlyMap<string, ScalarResult>,
  weight: number,
  atMs: number,
): ReadoutRecord | null {
  const [stable, canary] = READOUT_ARMS.map((arm) => totals(metric, arm, answers));
  if (stable == null || canary == null) return null;
  const last = { weight, stable, canary };
  const blocks = before?.blocks ?? [];
  const grown = before === null || before.last.weight !== weight ? null : growth(before.last, last);
  return { name: metric.name, atMs, last, blocks: grown === null ? blocks : added(blocks, { weight, ...grown }) };
}

function totals(metric: ReadoutMetric, arm: ReadoutArm, answers: ReadonlyMap<string, ScalarResult>): ArmTotals | null {
  const values = readoutQuestions(metric, arm).map(({ key }) => {
    const answer = answers.get(key);
    return answer?.kind === 'ok' && Number.isFinite(answer.value) ? answer.value : null;
  });
  const [users = null, sum = null, squares = sum] = values;
  if (users === null || sum === null || squares === null || users < 0 || squares < 0) return null;
  return { users, sum, squares };
}

type Pair = { readonly stable: ArmTotals; readonly canary: ArmTotals };

/** Sums of a mean may fall (a refund); users and squares never do. */
function growth(before: Pair, now: Pair): Pair | null {
  const [stable, canary] = READOUT_ARMS.map((arm): ArmTotals => {
    const [from, to] = [before[arm], now[arm]];
    return { users: to.users - from.users, sum: to.sum - from.sum, squares: to.squares - from.squares };
  });
  if (stable === undefined || canary === undefined) return null;
  return [stable, canary].some(({ users, squares }) => users < 0 || squares < 0) ? null : { stable, canary };
}

type Block = ReadoutRecord['blocks'][number];

function added(blocks: readonly Block[], grown: Block): readonly Block[] {
  const same = blocks.find(({ weight }) => weight === grown.weight);
  const others = blocks.filter(({ weight }) => weight !== grown.weight);
  const { stable, canary } = grown;
  if (same === undefined) return [...blocks, grown];
  return [...others, { weight: grown.weight, stable: plus(same.stable, stable), canary: plus(same.canary, canary) }];
}

export function plus(a: ArmTotals, b: ArmTotals): ArmTotals {
  return { users: a.users + b.users, sum: a.sum + b.sum, squares: a.squares + b.squares };
}
