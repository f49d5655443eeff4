import type { CounterSeries, CountersResult } from '../../core/analysis/judge.ts';
import { gap } from './gap.ts';

/** So many scrapes of some 80 Envoys with histograms fit into one answer. */
const SCRAPES_PER_SLICE = 40;
const MAX_SLICES = 8;

export interface Slice {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Cuts a long stretch into a few that are asked for side by side; each ends 1 ms before the next begins. */
export function sliceRange({ fromMs, toMs }: Slice, scrapeMs: number): readonly Slice[] {
  const wanted = Math.ceil((toMs - fromMs) / (SCRAPES_PER_SLICE * scrapeMs));
  const count = Math.min(Math.max(wanted, 1), MAX_SLICES);
  const starts = Array.from({ length: count }, (_, i) => fromMs + Math.floor(((toMs - fromMs) * i) / count));
  return starts.map((start, i) => {
    const next = starts[i + 1];
    return { fromMs: start, toMs: next === undefined ? toMs : next - 1 };
  });
}

/** Puts slices back together, in the order given. A slice without data is a silent stretch; any other gap spoils all. */
export function mergeSlices(slices: readonly CountersResult[]): CountersResult {
  const [only] = slices;
  if (only !== undefined && slices.length === 1) return only;
  const spoiled = slices.find((slice) => slice.kind === 'gap' && slice.gap !== 'NO_DATA');
  if (spoiled !== undefined) return spoiled;
  const byName = new Map<string, { readonly series: CounterSeries; readonly points: CounterSeries['points'][] }>();
  for (const series of slices.flatMap((slice) => (slice.kind === 'ok' ? slice.series : []))) {
    const name = [series.proxy, series.cluster, series.family, series.label].join('\n');
    const known = byName.get(name);
    if (known === undefined) byName.set(name, { series, points: [series.points] });
    else known.points.push(series.points);
  }
  if (byName.size > 0) {
    return {
      kind: 'ok',
      series: [...byName.values()].map(({ series, points }) => ({ ...series, points: points.flat() })),
    };
  }
  return slices[0] ?? gap('NO_DATA', 'nothing was asked for');
}
