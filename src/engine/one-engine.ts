import type { Clock, Timer } from './ports/clock.ts';
import type { Logger } from './ports/logger.ts';
import type { EngineSeat } from './ports/store.ts';

/** So long the seat outlives an engine that was killed, ms. */
const SEAT_TTL_MS = 5_000;
const RENEW_EVERY_MS = 1_000;

export interface Seated {
  /** Gives the seat up, so that another engine need not wait for it to run out. */
  leave(): Promise<void>;
}

/**
 * Waits until this is the only engine on its store, then stays it. An engine knows of the Envoys that are connected to
 * itself alone: two of them would each count a step as live, and as healthy, without the other's Envoys.
 *
 * `onLost`: another engine has the seat. Commits are refused from then on; the process should end.
 */
export async function takeSeat(
  { seat, clock, logger }: { readonly seat: EngineSeat; readonly clock: Clock; readonly logger: Logger },
  onLost: () => void,
): Promise<Seated> {
  for (let told = false; ; ) {
    const answer = await seat.take(SEAT_TTL_MS);
    if (answer.kind === 'ok' && answer.value === 'mine') break;
    if (!told)
      logger.warn(
        answer.kind === 'ok'
          ? 'another engine acts on this store; standing by'
          : 'the store does not answer; standing by',
      );
    told = true;
    await new Promise<void>((resolve) => {
      clock.setTimer(RENEW_EVERY_MS, resolve);
    });
  }
  let left = false;
  let timer: Timer;
  const renew = async (): Promise<void> => {
    const answer = await seat.take(SEAT_TTL_MS);
    if (left) return;
    if (answer.kind === 'ok' && answer.value === 'taken') {
      logger.error('another engine has taken over this store; this one stops, its Envoys keep what they have');
      return onLost();
    }
    wait();
  };
  const wait = (): void => {
    timer = clock.setTimer(RENEW_EVERY_MS, () => void renew());
  };
  wait();
  return {
    leave: async () => {
      left = true;
      timer.cancel();
      await seat.release();
    },
  };
}
