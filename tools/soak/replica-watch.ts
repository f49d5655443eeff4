import { readdirSync } from 'node:fs';
import { residentMb } from '../bench/process-cost.ts';
import type { EngineSeat } from '../fault/engine-seat.ts';
import type { Point } from './trend.ts';

export const REPLICA_FIGURES = ['rssMb', 'heapMb', 'externalMb', 'handles', 'files'] as const;
export type ReplicaFigure = (typeof REPLICA_FIGURES)[number];

/** One process of a replica, from its start to its end. Seconds count from its start. */
export interface Life {
  readonly replica: string;
  readonly pid: number;
  readonly series: Readonly<Record<ReplicaFigure, Point[]>>;
}

const ANSWER_MS = 2_000;

/** Measures every replica that is there, and keeps each life by itself: what a process holds ends with it. */
export function replicaWatch(engines: readonly EngineSeat[]): {
  readonly lives: readonly Life[];
  look(): Promise<void>;
} {
  const lives: (Life & { readonly bornMs: number })[] = [];
  const lookAt = async (seat: EngineSeat) => {
    const process = seat.process();
    if (process === null || !seat.isUp()) return;
    const { pid } = process;
    const found = await figuresOf(pid, seat.server);
    // Half a look is none: it was killed meanwhile, or stands still.
    if (found === null) return;
    let life = lives.findLast((one) => one.replica === seat.name);
    if (life?.pid !== pid) {
      life = {
        replica: seat.name,
        pid,
        bornMs: performance.now(),
        series: { rssMb: [], heapMb: [], externalMb: [], handles: [], files: [] },
      };
      lives.push(life);
    }
    const atS = (performance.now() - life.bornMs) / 1_000;
    for (const figure of REPLICA_FIGURES) life.series[figure].push({ atS, value: found[figure] });
  };
  return { lives, look: async () => void (await Promise.all(engines.map(lookAt))) };
}

async function figuresOf(pid: number, server: string): Promise<Readonly<Record<ReplicaFigure, number>> | null> {
  try {
    const response = await fetch(`${server}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const text = await response.text();
    const read = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
    // The tail fills up to its bound, which takes longer than a soak; what leaks is beside it.
    const tailMb = read('serin_tail_bytes') / 2 ** 20;
    return {
      rssMb: residentMb(pid) - tailMb,
      heapMb: read('nodejs_heap_size_used_bytes') / 2 ** 20,
      externalMb: read('nodejs_external_memory_bytes') / 2 ** 20 - tailMb,
      handles: read('nodejs_active_handles_total'),
      files: readdirSync(`/proc/${pid}/fd`).length,
    };
  } catch {
    return null;
  }
}
