import type { RampStep } from '../core/analysis/ramp.ts';
import { asRecorded, cellsOf } from '../core/analysis/scrapes.ts';
import { scrapeOf } from '../core/analysis/sequential/cell-scrape.ts';
import { HISTORY_MS } from '../core/analysis/sequential/cell-walk.ts';
import { LIVE_EDGES } from '../core/analysis/sequential/live-settings.ts';
import { TOTAL_WEIGHT } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { isTerminal } from '../core/model/phase.ts';
import { backendsOf, followsColour, partOf } from '../core/rollout/joint.ts';
import { judgedTimeoutMs } from '../core/rollout/judged-plan.ts';
import { countedCodes } from '../core/rollout/needs.ts';
import { planAsWritten } from '../core/rollout/plan-as-written.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { sampledCommitMs, sampledStepLiveMs } from '../core/rollout/sample-time.ts';
import type { Dependencies } from './dependencies.ts';
import { loadRollout } from './load.ts';
import { slowestScrapeMs } from './observe.ts';
import { MAX_SCRAPES, readSamples } from './read-samples.ts';

/**
 * A rollout as its judge saw it: a header with its plan, then a line per scrape. A longer one than that is recorded from
 * its beginning. Fails where there is nothing to see.
 *
 * @param backend of a joint rollout, whose arms: a recording is of two; `null`: of the first one
 */
export async function recordRollout(
  deps: Dependencies,
  id: string,
  backend: string | null,
): Promise<Result<readonly object[]>> {
  const loaded = await loadRollout(deps.records, id);
  if (loaded.kind === 'error') return loaded;
  const { body } = loaded.value;
  if (body === null) return fail('SERIN_NOT_FOUND', `there is no rollout ${id}`);
  const whose = backend ?? body.backend;
  const names = backendsOf(body);
  if (!names.includes(whose)) {
    const message = `rollout ${id} is of ${names.join(', ')}, and not of "${whose.slice(0, 80)}"`;
    return fail('SERIN_REQUEST_INVALID', message, { hint: `Name one of them: ${names.join(', ')}.` });
  }
  // Of several arms the one that is promoted, or the canary: a recording is of two.
  const rollout = partOf(body, whose);
  const { stable, canary, history } = rollout;
  const [first] = history;
  const scrapeMs = slowestScrapeMs(deps, rollout);
  if (stable === null || first === undefined) return fail('SERIN_NOT_READY', `rollout ${id} has had no step yet`);
  if (scrapeMs === null) return fail('SERIN_NOT_READY', 'a fleet of this rollout has no metrics configured');
  const offsetMs = await deps.metrics.offsetMs();
  const firstMs = sampledCommitMs(first, offsetMs);
  const fromMs = firstMs - HISTORY_MS;
  const endMs = Math.min(endOf(rollout, deps.clock.now()) + offsetMs, fromMs + MAX_SCRAPES * scrapeMs);
  const clusters = [stable.cluster, canary.cluster];
  const fleets = rollout.fleets.map((name) => ({ name }));
  const read = await readSamples(deps.metrics, fleets, {
    ...{ clusters, fromMs, endMs, scrapeMs },
    codes: countedCodes(rollout.spec),
  });
  if (read.kind === 'error') return read;
  const cells = asRecorded(cellsOf(read.value, { stable: stable.cluster, canary: canary.cluster }, scrapeMs));
  if (cells.length === 0) return fail('SERIN_NOT_READY', `Prometheus has no samples of rollout ${id} any more`);
  const header = {
    plan: planAsWritten(rollout.spec),
    scrapeMs,
    history: cells.filter(({ t }) => t < firstMs).length,
    routeTimeoutMs: judgedTimeoutMs(rollout),
    mostEdges: LIVE_EDGES,
    ...(followsColour(rollout) ? { comesInGroups: true } : {}),
  };
  const ramp = rampOf(rollout, offsetMs);
  return ok([header, ...cells.map((cell) => scrapeOf(ramp, cell))]);
}

/** The steps as a judge knows them, by the clock of the samples. */
function rampOf({ history }: Rollout, offsetMs: number): readonly RampStep[] {
  return history.map((record) => ({
    share: record.weight / TOTAL_WEIGHT,
    committedAtMs: sampledCommitMs(record, offsetMs),
    liveAtMs: sampledStepLiveMs(record, offsetMs),
  }));
}

function endOf({ history, phase, updatedAtMs }: Rollout, nowMs: number): number {
  return history.at(-1)?.leftAtMs ?? (isTerminal(phase) ? updatedAtMs : nowMs);
}
