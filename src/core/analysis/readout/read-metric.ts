import { TOTAL_WEIGHT } from '../../model/documents.ts';
import type { ArmTotals, ReadoutMetric, ReadoutRecord } from '../../model/readout.ts';
import { type ExperimentStanding, READOUT, type Readout, readBinary, readMean } from '../statistics/ab-readout.ts';
import { probabilityBetter } from '../statistics/probability-better.ts';
import { NO_RATIO, updateRateRatio } from '../statistics/rate-ratio-interval.ts';
import { armsEvidence } from '../statistics/share-test.ts';
import { plus } from './take-readout.ts';

/** How the arms compare by one metric so far. */
export interface Comparison {
  readonly name: string;
  /** Of a test with variants: who is compared with stable. @default the canary */
  readonly arm?: string;
  readonly kind: ReadoutMetric['kind'];
  readonly wanted: ReadoutMetric['wanted'];
  readonly atMs: number;
  readonly standing: 'winner' | 'loser' | 'undecided' | 'withheld';
  /** Why nothing is said. */
  readonly reason: 'NOT_STICKY' | 'SHARES_DIFFER' | 'TOO_FEW_USERS' | 'BAD_COUNTS' | null;
  readonly stable: ArmReadout;
  readonly canary: ArmReadout;
  /** Of rates: how much better than stable, as a fraction. Valid at every look. */
  readonly lift: { readonly low: number; readonly high: number | null } | null;
  /** Canary less stable. Valid at every look. */
  readonly difference: { readonly value: number; readonly low: number; readonly high: number } | null;
}

/** What one metric says about the test so far, for people. */
export interface MetricReadout extends Comparison {
  /** Descriptive only: it swings under continuous looking and decides nothing. `null`: not known. */
  readonly probabilityBetter: number | null;
}

interface ArmReadout {
  readonly users: number;
  /** Share or mean; `null`: no users. */
  readonly value: number | null;
}

/** Below it the approximation of means says nothing. */
const LEAST_USERS = 30;
const SHARES_ALPHA = 0.001;
/** Of the probability: a term per success. By so many it says nothing that the intervals do not. */
const MOST_TERMS = 5_000;
const NONE: ArmTotals = { users: 0, sum: 0, squares: 0 };

/** Users stay with their arm, and the Envoys' own counts show no mismatch. */
export interface Split {
  readonly sticky: boolean;
  readonly routed: boolean;
  /** So many arms are compared with stable: an error in any of them is one. @default 1 */
  readonly comparisons?: number;
}

/** What people are shown: the comparison, and what decides nothing. Pure. */
export function readMetric(metric: ReadoutMetric, record: ReadoutRecord, split: Split): MetricReadout {
  const compared = compareMetric(metric, record, split);
  const isRead = metric.kind === 'share' && compared.standing !== 'withheld';
  return { ...compared, probabilityBetter: isRead ? chanceOf(metric, record) : null };
}

/** What a look at the test goes by. Pure. */
export function compareMetric(
  metric: ReadoutMetric,
  record: ReadoutRecord,
  { sticky, routed, comparisons = 1 }: Split,
): Comparison {
  const { blocks } = record;
  const { stable, canary } = totalsOf(record);
  const shown = {
    ...{ name: metric.name, kind: metric.kind, wanted: metric.wanted, atMs: record.atMs },
    ...{ stable: shownArm(stable), canary: shownArm(canary) },
  };
  const nothing = { ...shown, lift: null, difference: null };
  const withheld = (reason: Comparison['reason']): Comparison => ({ ...nothing, standing: 'withheld', reason });
  const standing: ExperimentStanding = { sticky, sharesHold: routed && sharesHold(blocks) };
  const spec = { ...READOUT, alpha: READOUT.alpha / comparisons, wanted: metric.wanted };
  if (metric.kind === 'share' && blocks.some((block) => !isShare(block.stable) || !isShare(block.canary))) {
    return withheld('BAD_COUNTS');
  }
  if (Math.min(stable.users, canary.users) < LEAST_USERS) return withheld('TOO_FEW_USERS');
  if (metric.kind === 'mean') {
    const arms = { control: meanOf(stable), variant: meanOf(canary) };
    return told(nothing, withheld, readMean(standing, arms, spec), ({ difference, interval }) => ({
      difference: { value: difference, ...interval },
    }));
  }
  const strata = blocks.map((block) => ({
    x: block.canary.sum,
    n: block.canary.sum + block.stable.sum,
    w: block.weight / TOTAL_WEIGHT,
  }));
  const counts = { control: countsOf(stable), variant: countsOf(canary) };
  const read = readBinary(standing, updateRateRatio(NO_RATIO, strata, 1), counts, spec);
  return told(nothing, withheld, read, ({ lift, difference }) => ({
    lift,
    difference: { value: difference.difference, ...difference.anytime },
  }));
}

function told<T>(
  nothing: Omit<Comparison, 'standing' | 'reason'>,
  withheld: (reason: Comparison['reason']) => Comparison,
  read: Readout<T>,
  numbers: (read: T) => Partial<Comparison>,
): Comparison {
  if (read.kind === 'withheld') return withheld(read.reason === 'not-sticky' ? 'NOT_STICKY' : 'SHARES_DIFFER');
  return { ...nothing, ...numbers(read), standing: read.standing, reason: null };
}

function chanceOf({ wanted }: ReadoutMetric, record: ReadoutRecord): number | null {
  const { stable, canary } = totalsOf(record);
  const variant = countsOf(canary);
  if (variant.successes > MOST_TERMS) return null;
  const better = probabilityBetter(countsOf(stable), variant);
  // Where less is better, the canary is better with what is left.
  return wanted === 'higher' ? better : 1 - better;
}

function totalsOf({ blocks }: ReadoutRecord): { readonly stable: ArmTotals; readonly canary: ArmTotals } {
  return {
    stable: blocks.reduce((sum, block) => plus(sum, block.stable), NONE),
    canary: blocks.reduce((sum, block) => plus(sum, block.canary), NONE),
  };
}

/** Users are split as they were to be; a mismatch says that arms differ in who was counted and not in what they did. */
function sharesHold(blocks: ReadoutRecord['blocks']): boolean {
  const evidence = blocks.reduce((sum, { weight, stable, canary }) => {
    const share = weight / TOTAL_WEIGHT;
    return sum + armsEvidence([whole(stable.users), whole(canary.users)], [1 - share, share]);
  }, 0);
  return evidence < Math.log(1 / SHARES_ALPHA);
}

function isShare({ users, sum }: ArmTotals): boolean {
  return sum >= 0 && sum <= users;
}

function shownArm({ users, sum }: ArmTotals): ArmReadout {
  return { users: whole(users), value: users > 0 ? sum / users : null };
}

function countsOf({ users, sum }: ArmTotals) {
  return { users: whole(users), successes: Math.min(whole(sum), whole(users)) };
}

function meanOf({ users, sum, squares }: ArmTotals) {
  const mean = sum / users;
  return { units: users, mean, variance: Math.max(0, (squares - users * mean * mean) / Math.max(1, users - 1)) };
}

/** What `increase` extrapolates is no whole number of users. */
function whole(value: number): number {
  return Math.round(value);
}
