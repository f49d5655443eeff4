import type { Comparison } from '../analysis/readout/read-metric.ts';
import { isSplit } from '../model/documents.ts';
import { nameSome } from '../model/name-some.ts';
import { armsOf } from './arms.ts';
import type { Rollout } from './rollout.ts';
import { comparisonsOf } from './take-readouts.ts';

/** How a test ends: who gets all requests, if anybody does without a person. */

/** What says nothing because something is wrong with it, and not because it is early. */
const WRONG: ReadonlySet<Comparison['reason']> = new Set(['SHARES_DIFFER', 'BAD_COUNTS']);

/**
 * Why the test does not end by itself, at the last step in which users are split: who loses is not promoted, nor who
 * cannot be compared, nor any of several that nothing speaks for. `null`: nothing is against it.
 */
export function againstEnd(rollout: Rollout): string | null {
  if (rollout.step < rollout.spec.strategy.steps.findLastIndex(isSplit)) return null;
  if (rollout.variants !== undefined) {
    const found = winnerOf(rollout);
    return 'why' in found ? found.why : null;
  }
  const compared = comparisonsOf(rollout);
  const loser = compared.find(({ standing }) => standing === 'loser');
  if (loser !== undefined) return `by ${loser.name} the canary loses against stable`;
  return wrongOf(compared);
}

function wrongOf(compared: readonly Comparison[]): string | null {
  const wrong = compared.find(({ reason }) => WRONG.has(reason));
  return wrong === undefined ? null : `by ${wrong.name} the arms cannot be compared (${wrong.reason})`;
}

/**
 * The one arm of a test with variants that is shown to be better than stable by a metric, and worse by none. Of two of
 * them nobody has said which is better; and where none is, whether to stay with stable is a person's to say.
 */
export function winnerOf(rollout: Rollout): { readonly winner: string } | { readonly why: string } {
  const compared = comparisonsOf(rollout);
  const wrong = wrongOf(compared);
  if (wrong !== null) return { why: wrong };
  const of = (arm: string, standing: Comparison['standing']) =>
    compared.some((one) => one.arm === arm && one.standing === standing);
  const names = armsOf(rollout).map(({ name }) => name);
  const better = names.filter((arm) => of(arm, 'winner') && !of(arm, 'loser'));
  const [winner, ...more] = better;
  if (winner !== undefined && more.length === 0) return { winner };
  const word = `which of ${nameSome(names)} gets all requests is for them to say`;
  if (rollout.spec.readout === undefined) return { why: word };
  return {
    why:
      winner === undefined
        ? `no arm is shown to be better than stable; ${word}`
        : `${nameSome(better)} are better than stable; ${word}`,
  };
}
