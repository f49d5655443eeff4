/** Requests of both arms that ended between one scrape and the next. */
export interface Served {
  readonly t: number;
  readonly canary: number;
  readonly stable: number;
}

/** Scrapes in a row at one weight. */
export interface WeightPiece {
  /** Percent. */
  readonly weight: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly canary: number;
  readonly stable: number;
}

export interface WeightHistory {
  /** Per scrape; `null`: the weight changed about then. */
  readonly weights: readonly (number | null)[];
  readonly pieces: readonly WeightPiece[];
}

/** A change of weight has to make what was seen a thousand times as likely. */
const CHANGE_COST = Math.log(1_000);
/** Nothing is certain: counters of two clusters are not read at one instant. */
const EDGE = 1e-4;
/** Odds further off than this are of another weight; so are those of a sticky split with few users not yet. */
const NEAR = 1.25;
/** Standard deviations that chance is allowed. */
const CHANCE = 4;

/**
 * Which of the given weights were in force when, by what share of the requests the canary got: the likeliest history
 * in which every change has to earn its place. The line before a change is `null`, since the change fell into a scrape.
 */
export function weightHistory(served: readonly Served[], percents: readonly number[]): WeightHistory {
  const levels = [...new Set([0, ...percents, 100])].sort((a, b) => a - b);
  const path = likeliest(served, levels);
  const pieces: WeightPiece[] = [];
  for (const [i, { t, canary, stable }] of served.entries()) {
    const weight = path[i] ?? 0;
    const last = pieces.at(-1);
    if (last?.weight === weight) {
      pieces[pieces.length - 1] = {
        ...{ ...last, toMs: t },
        ...{ canary: last.canary + canary, stable: last.stable + stable },
      };
    } else pieces.push({ weight, fromMs: t, toMs: t, canary, stable });
  }
  const weights = path.map((weight, i) => (i + 1 < path.length && path[i + 1] !== weight ? null : weight));
  return { weights, pieces };
}

/** A piece whose share is none of the weights'; `null`: each fits. */
export function misfit({ pieces }: WeightHistory): WeightPiece | null {
  return pieces.find((piece) => !fits(piece)) ?? null;
}

function fits({ weight, canary, stable }: WeightPiece): boolean {
  const n = canary + stable;
  const share = shareOf(weight);
  const off = Math.abs(canary - n * share);
  if (off <= CHANCE * Math.sqrt(n * share * (1 - share)) + 1) return true;
  if (weight === 0 || weight === 100) return off <= n * 0.01;
  const odds = (canary / stable) * ((1 - share) / share);
  return odds <= NEAR && odds >= 1 / NEAR;
}

/** Viterbi over the levels; O(scrapes × levels), since a change costs the same wherever it comes from. */
function likeliest(served: readonly Served[], levels: readonly number[]): readonly number[] {
  const cameFrom: (readonly number[])[] = [];
  let scores = levels.map(() => 0);
  for (const { canary, stable } of served) {
    const best = indexOfMost(scores);
    const changed = (scores[best] ?? 0) - CHANGE_COST;
    cameFrom.push(scores.map((score, i) => (score >= changed ? i : best)));
    scores = scores.map((score, i) => Math.max(score, changed) + likelihood(levels[i] ?? 0, canary, stable));
  }
  let at = indexOfMost(scores);
  const path: number[] = [];
  for (let i = served.length - 1; i >= 0; i -= 1) {
    path.push(levels[at] ?? 0);
    at = cameFrom[i]?.[at] ?? at;
  }
  return path.reverse();
}

function indexOfMost(scores: readonly number[]): number {
  return scores.reduce((top, score, i) => (score > (scores[top] ?? 0) ? i : top), 0);
}

function shareOf(weight: number): number {
  return Math.min(Math.max(weight / 100, EDGE), 1 - EDGE);
}

function likelihood(weight: number, canary: number, stable: number): number {
  const share = shareOf(weight);
  return canary * Math.log(share) + stable * Math.log1p(-share);
}
