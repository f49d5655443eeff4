import { samePosition } from '../../core/model/position.ts';
import type { FleetTable, Position } from '../../core/model/traffic.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Replication } from '../../engine/ports/replication.ts';

/** Tables that give some canary more, until a second server has them: else a failover takes back what Envoys have. */
export interface HeldRaises {
  /** Gives it, or a newer one that came meanwhile, on once it is confirmed. What is not is held anew at the next read. */
  hold(table: FleetTable): void;
  /** Something else has gone out: what was held up to there is in it, or of no use any more. */
  overtaken(by: Position): void;
}

export function holdRaises(options: {
  readonly replication: Replication;
  readonly logger: Logger;
  readonly release: (table: FleetTable) => void;
}): HeldRaises {
  const { replication, logger, release } = options;
  let held: FleetTable | null = null;
  /** What Envoys were given last; nothing older goes out again. */
  let out: Position | null = null;
  let asking = false;
  let late = false;

  const confirm = async (asked: FleetTable): Promise<void> => {
    const confirmed = await replication.confirmed();
    asking = false;
    if (held === null) return;
    if (!confirmed) {
      if (!late) logger.warn('more traffic for a canary waits until a Redis replica has it', { n: held.position.n });
      late = true;
      return;
    }
    if (late) logger.info('Redis replicas keep up again');
    late = false;
    const newer = samePosition(held.position, asked.position) ? null : held;
    held = null;
    const isOld = out !== null && (out.epoch !== asked.position.epoch || out.n >= asked.position.n);
    // A newer one is asked for afterwards, so that a busy fleet never waits for a quiet moment.
    if (!isOld) release(asked);
    if (newer !== null) hold(newer);
  };
  const hold = (table: FleetTable): void => {
    held = table;
    if (asking) return;
    asking = true;
    void confirm(table).catch((cause: unknown) => {
      asking = false;
      logger.error('a held fleet table could not be published, a bug', { cause: String(cause) });
    });
  };
  return {
    hold,
    overtaken(by) {
      out = by;
      if (held !== null && (held.position.epoch !== by.epoch || held.position.n <= by.n)) held = null;
    },
  };
}
