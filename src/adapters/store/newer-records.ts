import { leftAlone, type Shapes, type Stamp } from '../../core/model/schema.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Unavailable } from '../../engine/ports/store.ts';

/** What this version knows about shapes, and what it met that is beyond it. */
export interface NewerRecords {
  readonly shapes: Shapes;
  /** Why it must be left alone; `null`: this version reads it rightly. */
  refuse(what: string, stamp: Stamp): Unavailable | null;
  /** Keys that were left alone since the start. */
  met(): readonly string[];
}

/** Enough to see that there are many. */
const MAX_MET = 1_000;

export function newerRecords(shapes: Shapes, logger: Logger): NewerRecords {
  const met = new Set<string>();
  return {
    shapes,
    refuse: (what, stamp) => {
      const detail = leftAlone(what, stamp, shapes);
      if (detail === null) return null;
      if (!met.has(what) && met.size < MAX_MET) {
        met.add(what);
        logger.warn('a newer Serin has written this; it is left alone', { key: what, detail });
      }
      return { kind: 'unavailable', newer: true, detail };
    },
    met: () => [...met],
  };
}
