import { addPoint, addRecent, lateSince, type SeriesPoint, VerdictSeries } from '../core/analysis/verdict-series.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { type Judgement, JudgementRecord } from '../core/rollout/judgement.ts';
import type { Transition } from '../core/rollout/transition.ts';
import { fromStore, judgementKey, type Loaded, rolloutKey, verdictsKey } from './load.ts';
import type { RecordStore } from './ports/store.ts';

/** What a look leaves behind beside the rollout's own record. */
export interface Remembered {
  /** `null`: as it was. */
  readonly judgement: { readonly rev: number; readonly body: Judgement } | null;
  /** `null`: as it was. */
  readonly series: { readonly rev: number; readonly points: readonly SeriesPoint[] } | null;
  /** Scrapes that came too late since the look before. */
  readonly late: number;
}

/**
 * Where the conclusion of a look goes: to the latest ones, which are written with the judge's memory anyway, and with them
 * to the series when there are enough of them.
 */
export async function remember(
  records: RecordStore,
  { rollout: { id }, judgement, point }: Pick<Transition, 'rollout' | 'judgement' | 'point'>,
  before: Loaded<Judgement>,
): Promise<Remembered> {
  const recent = before.body?.recent ?? [];
  if (point === null) {
    return {
      judgement: judgement === null ? null : { rev: before.rev, body: { ...judgement, recent } },
      series: null,
      late: 0,
    };
  }
  const next = addRecent(recent, point);
  const body = { ...(judgement ?? before.body ?? NOBODYS), recent: next.recent };
  if (next.done.length === 0 && recent.length > 0) {
    return { judgement: { rev: before.rev, body }, series: null, late: lateSince(recent, point) };
  }
  const series = await loadSeries(records, id);
  // A plot is no reason to wait, and nothing but this look is missing in it.
  if (series === null) return { judgement: { rev: before.rev, body: { ...body, recent } }, series: null, late: 0 };
  const points = series.body ?? [];
  return {
    judgement: { rev: before.rev, body },
    series: next.done.length === 0 ? null : { rev: series.rev, points: next.done.reduce(addPoint, points) },
    late: lateSince(recent.length > 0 ? recent : points, point),
  };
}

/** Not every judge remembers something. */
const NOBODYS: Judgement = { judge: '', state: {} };

/** `null`: the store does not answer. */
async function loadSeries(records: RecordStore, id: string): Promise<Loaded<readonly SeriesPoint[]> | null> {
  const read = await records.read([verdictsKey(id)]);
  if (read.kind !== 'ok') return null;
  const parsed = VerdictSeries.safeParse(read.value[0]?.body);
  return { key: verdictsKey(id), rev: read.value[0]?.rev ?? 0, body: parsed.success ? parsed.data.points : null };
}

/** What a rollout's judge has concluded, oldest first. */
export async function listVerdicts(records: RecordStore, id: string): Promise<Result<readonly SeriesPoint[]>> {
  const read = fromStore(await records.read([rolloutKey(id), verdictsKey(id), judgementKey(id)]));
  if (read.kind === 'error') return read;
  const [rollout, series, judgement] = read.value;
  if (rollout === undefined || rollout.rev === 0) return fail('SERIN_NOT_FOUND', `there is no rollout ${id}`);
  const older = VerdictSeries.safeParse(series?.body);
  const memory = JudgementRecord.safeParse(judgement?.body);
  return ok([
    ...(older.success ? older.data.points : []),
    ...((memory.success ? memory.data.recent : undefined) ?? []),
  ]);
}
