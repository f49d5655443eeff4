import { armsOf } from './arms.ts';
import { tell } from './notice.ts';
import { change, type Draft, wait } from './transition.ts';
import { againstEnd } from './winner.ts';

/** A test that does not end by itself: people are told once that it is over. `null`: nothing is against its end. */
export function awaitEnd(d: Draft): number | null {
  const against = againstEnd(d.rollout);
  if (against === null) return null;
  wait(d, `a person: ${against}`);
  const { id, attempt, variants, deadlineAtMs, spec } = d.rollout;
  // What is read of the arms may go to and fro; nobody is called twice for that.
  if (d.rollout.endAsked === attempt) return deadlineAtMs;
  change(d, { endAsked: attempt });
  const arms = armsOf(d.rollout).map(({ name }) => name);
  const promote = `serin rollout promote ${id}${variants === undefined ? '' : ` --arm ${arms.join('|')}`}`;
  tell(d, 'decision_wanted', [
    ['Reason', against],
    ['To do', `look at it (\`serin rollout explain ${id}\`), then \`${promote}\` or \`serin rollout abort ${id}\``],
    [
      'Otherwise',
      `${spec.onInconclusive === 'hold' ? 'it is paused' : 'it goes back'} at ${new Date(deadlineAtMs).toISOString()}`,
    ],
  ]);
  return deadlineAtMs;
}
