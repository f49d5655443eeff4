import { join } from 'node:path';
import { z } from 'zod';
import { fail, ok, type Result } from '../../core/model/errors.ts';
import type { StorePoint } from '../../core/model/freeze.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import { checkedLine, readCheckedLine } from './checked-line.ts';
import { diskReason, makeFolder, readSmall, replaceFile } from './files.ts';
import { spacedWrites } from './spaced-writes.ts';

/** What of the store's history a replica has seen, over its restarts (invariant I13). */
export interface WitnessFile {
  /** What the process before has seen; `null`: nothing that could be read. An error: of another store. */
  load(): Promise<Result<StorePoint | null>>;
  /** Remembers the point, at most once a second; the newest one counts. */
  saw(point: StorePoint): void;
  onFailure(listener: () => void): void;
  /** Writes what is still to be written. */
  close(): Promise<void>;
}

export interface WitnessFileOptions {
  readonly folder: string;
  /** Which store the points are of, without anything secret. */
  readonly store: string;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly logger: Logger;
}

const EVERY_MS = 1_000;
const MAX_BYTES = 8_192;

const Kept = z.looseObject({
  store: z.string(),
  epoch: z.string().min(1),
  n: z.number().int().min(0),
  hash: z.string(),
});

export function witnessFile({ folder, store, clock, logger }: WitnessFileOptions): WitnessFile {
  const path = join(folder, 'witness');
  let latest: StorePoint | null = null;
  let written: StorePoint | null = null;

  const write = async () => {
    const point = latest;
    await makeFolder(folder);
    await replaceFile(path, checkedLine({ store, ...point }));
    written = point;
  };
  const writes = spacedWrites({
    ...{ path, everyMs: EVERY_MS, isDue: () => latest !== written, write, clock, logger },
    says: {
      failed: 'the witness of the store cannot be written',
      again: 'the witness of the store is written again',
    },
  });
  return {
    async load() {
      try {
        const text = await readSmall(path, MAX_BYTES);
        if (text === null) return ok(null);
        const kept = Kept.safeParse(readCheckedLine(text.replace(/\n$/, ''))?.value);
        if (!kept.success) throw new Error('it is damaged');
        if (kept.data.store !== store) {
          const hint = 'Was it moved? Then delete that file: nothing remembers the other one any more.';
          return fail('SERIN_CONFIG_INVALID', `${path} is of the store ${kept.data.store}, this one is ${store}`, {
            hint,
          });
        }
        const { epoch, n, hash } = kept.data;
        latest = { epoch, n, hash };
        written = latest;
        return ok(latest);
      } catch (error) {
        writes.failed();
        // A replica that cannot remember is as one that had no folder.
        logger.error('the witness of the store cannot be read; a loss before this start goes unnoticed', {
          path,
          detail: diskReason(error),
        });
        return ok(null);
      }
    },
    saw(point) {
      latest = point;
      writes.arm();
    },
    onFailure: writes.onFailure,
    close: writes.close,
  };
}
