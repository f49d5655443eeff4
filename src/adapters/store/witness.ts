import { type Freeze, freezeSummary, parseFreeze, type StorePoint } from '../../core/model/freeze.ts';
import type { Unavailable } from '../../engine/ports/store.ts';

/** The newest point of the store's history that this replica was told of. */
export interface Witness {
  readonly id: string;
  /** As the scripts take it: epoch, number, hash, replica. */
  args(): readonly [string, string, string, string];
  saw(epoch: string, n: string, hash: string): void;
  /** The answer to whoever wants to use a store that is frozen. */
  frozen(text: string): Unavailable;
}

export interface WitnessMemory {
  /** What the process before this one has seen. @default nothing */
  readonly remembered?: StorePoint | null;
  /** Everything newer than that. */
  readonly onPoint?: (point: StorePoint) => void;
}

export function createWitness(id: string, { remembered = null, onPoint = () => {} }: WitnessMemory = {}): Witness {
  let point: StorePoint | null = remembered;
  return {
    id,
    args: () => [point?.epoch ?? '', String(point?.n ?? 0), point?.hash ?? '', id],
    saw: (epoch, count, hash) => {
      const n = Number(count);
      // Another epoch came through the guard, so it follows from this one. Within one, an old answer takes nothing back.
      if (epoch === '' || (point?.epoch === epoch && n <= point.n)) return;
      point = { epoch, n, hash };
      onPoint(point);
    },
    frozen: (text) => ({ kind: 'unavailable', frozen: true, detail: freezeSummary(parseFreeze(text)) }),
  };
}

/** `mine`: found by this replica. */
export function freezeOf(text: string, witness: Witness): Freeze & { readonly mine: boolean } {
  const freeze = parseFreeze(text);
  return { ...freeze, mine: freeze.by === witness.id };
}
