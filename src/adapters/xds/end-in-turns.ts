import { setImmediate as nextTurn } from 'node:timers/promises';

/** To end a stream costs some 70 µs: thousands in one turn of the loop would hold everything else. */
const PER_TURN = 200;

/** Calls them all, each of which takes itself out of the set, and those that come meanwhile. */
export async function endInTurns(open: ReadonlySet<() => void>, perTurn = PER_TURN): Promise<void> {
  while (open.size > 0) {
    let ended = 0;
    for (const end of open) {
      if (ended === perTurn) break;
      end();
      ended += 1;
    }
    if (open.size > 0) await nextTurn();
  }
}
