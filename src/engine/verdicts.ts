import { type SeriesPoint, VerdictSeries } from '../core/analysis/verdict-series.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { fromStore, type Loaded, rolloutKey, verdictsKey } from './load.ts';
import type { RecordStore } from './ports/store.ts';

/** What a rollout's judge has concluded, oldest first. `null`: the store does not answer; a plot is no reason to wait. */
export async function loadVerdicts(records: RecordStore, id: string): Promise<Loaded<readonly SeriesPoint[]> | null> {
  const read = await records.read([verdictsKey(id)]);
  if (read.kind !== 'ok') return null;
  const parsed = VerdictSeries.safeParse(read.value[0]?.body);
  return { key: verdictsKey(id), rev: read.value[0]?.rev ?? 0, body: parsed.success ? parsed.data.points : null };
}

export async function listVerdicts(records: RecordStore, id: string): Promise<Result<readonly SeriesPoint[]>> {
  const read = fromStore(await records.read([rolloutKey(id), verdictsKey(id)]));
  if (read.kind === 'error') return read;
  const [rollout, series] = read.value;
  if (rollout === undefined || rollout.rev === 0) return fail('SERIN_NOT_FOUND', `there is no rollout ${id}`);
  const parsed = VerdictSeries.safeParse(series?.body);
  return ok(parsed.success ? parsed.data.points : []);
}
