import { recordedGrowth } from '../core/analysis/recorded-growth.ts';
import { type Arms, type ClusterRequests, pickArms } from '../core/analysis/recording/pick-arms.ts';
import { misfit, type Served, type WeightPiece, weightHistory } from '../core/analysis/recording/weight-history.ts';
import { SAMPLE, sampleProxies } from '../core/analysis/sample-proxies.ts';
import { asRecorded, type Cell, cellsOf } from '../core/analysis/scrapes.ts';
import { HISTORY_MS } from '../core/analysis/sequential/cell-walk.ts';
import { clusterPrefix } from '../core/model/cut-revision.ts';
import type { PlanSpec } from '../core/model/documents.ts';
import { formatDuration } from '../core/model/duration.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { judgedTimeoutMs } from '../core/rollout/judged-plan.ts';
import { countedCodes } from '../core/rollout/needs.ts';
import { planAsWritten } from '../core/rollout/plan-as-written.ts';
import type { PastMetrics } from './ports/past-metrics.ts';
import { MAX_SCRAPES, noSamples, readSamples } from './read-samples.ts';

export interface PastRelease {
  readonly plan: PlanSpec;
  readonly fleets: readonly string[];
  /** Cluster or revision; `null`: found by their requests. */
  readonly stable: string | null;
  readonly canary: string | null;
  /** Percents that the release went through; `null`: those of the plan's steps. */
  readonly weights: readonly number[] | null;
  readonly fromMs: number;
  readonly toMs: number;
  /** The longest time that a request to the backend was given. @default 0, not known */
  readonly routeTimeoutMs?: number;
}

export interface PastRecording {
  readonly lines: readonly object[];
  readonly arms: Arms;
  readonly proxies: { readonly looked: number; readonly all: number };
  readonly pieces: readonly WeightPiece[];
}

/** A release of the past as a judge would have seen it, whoever made it. Envoys are sampled as a live judge samples them. */
export async function recordPast(metrics: PastMetrics, release: PastRelease): Promise<Result<PastRecording>> {
  const { plan, fromMs, toMs } = release;
  const scrapeMs = Math.max(...release.fleets.map((fleet) => metrics.scrapeMs(fleet) ?? 0));
  const longestMs = MAX_SCRAPES * scrapeMs - HISTORY_MS;
  if (toMs <= fromMs) return fail('SERIN_REQUEST_INVALID', 'the time ends before it begins', SHORTEN);
  if (toMs - fromMs > longestMs) {
    const most = formatDuration(Math.floor(longestMs / 60_000) * 60_000);
    const message = `${formatDuration(toMs - fromMs)} are too long; with a scrape every ${formatDuration(scrapeMs)} it may be ${most}`;
    return fail('SERIN_REQUEST_INVALID', message, SHORTEN);
  }
  const historyMs = fromMs - HISTORY_MS;
  const [before, during] = [
    await requestsOf(metrics, release, { fromMs: historyMs, toMs: fromMs }),
    await requestsOf(metrics, release, { fromMs, toMs }),
  ];
  if (before.kind === 'error') return before;
  if (during.kind === 'error') return during;
  const flat = (rows: typeof before.value) => rows.flatMap(({ requests }) => requests);
  const arms = pickArms(plan.backend, { before: flat(before.value), during: flat(during.value) }, release);
  if (arms.kind === 'error') return arms;
  const { stable, canary } = arms.value;
  const all = namesOf(during.value, arms.value);
  const names = [...new Set(all.flatMap(({ proxies }) => proxies))];
  const chosen = new Set(sampleProxies(names, SAMPLE));
  const fleets = all.map(({ name, proxies }) => ({ name, proxies: proxies.filter((proxy) => chosen.has(proxy)) }));
  const codes = countedCodes(plan);
  const range = { clusters: [stable, canary], fromMs: historyMs, endMs: toMs, scrapeMs, codes };
  const read = await readSamples(
    metrics,
    fleets.filter(({ proxies }) => proxies.length > 0),
    range,
  );
  if (read.kind === 'error') return read;
  const cells = asRecorded(cellsOf(read.value, arms.value, scrapeMs));
  const history = weightHistory(served(cells), release.weights ?? percentsOf(plan));
  const odd = release.weights === null ? misfit(history) : null;
  if (odd !== null)
    return fail('SERIN_REQUEST_INVALID', `${words(odd)}: no step of the plan has such a weight`, WEIGHTS);
  const first = history.weights.findIndex((weight, i) => weight !== 0 && (cells[i]?.t ?? 0) >= fromMs);
  if (first === -1) {
    return fail('SERIN_REQUEST_INVALID', `${canary} had too few requests to say when its release began`, WEIGHTS);
  }
  const header = { plan: planAsWritten(plan), scrapeMs, history: first, routeTimeoutMs: judgedTimeoutMs(release) };
  const lines = cells.map(({ t, proxies }, i) => ({ t, weight: history.weights[i] ?? null, proxies }));
  return ok({
    lines: [header, ...lines],
    arms: arms.value,
    proxies: { looked: chosen.size, all: names.length },
    pieces: history.pieces,
  });
}

const SHORTEN = { hint: 'Choose --from and --to around one release.' };
const WEIGHTS = { hint: 'Say which weights the release went through with --weights, such as --weights 5,25,50.' };

interface FleetRequests {
  readonly fleet: string;
  readonly requests: readonly ClusterRequests[];
}

async function requestsOf(
  metrics: PastMetrics,
  { plan, fleets, stable, canary }: PastRelease,
  range: { readonly fromMs: number; readonly toMs: number },
): Promise<Result<readonly FleetRequests[]>> {
  const clusters = [stable, canary].filter((name) => name !== null);
  const all: FleetRequests[] = [];
  for (const fleet of fleets) {
    const read = await metrics.requests({ fleet, clusters, prefix: clusterPrefix(plan.backend), ...range });
    if (read.kind === 'ok') all.push({ fleet, requests: read.requests });
    else if (read.gap !== 'NO_DATA') return noSamples(read.gap, read.detail);
  }
  return ok(all);
}

function namesOf(
  fleets: readonly FleetRequests[],
  { stable, canary }: Arms,
): readonly { readonly name: string; readonly proxies: readonly string[] }[] {
  return fleets.map(({ fleet, requests }) => {
    const own = requests.filter(({ cluster }) => cluster === stable || cluster === canary);
    return { name: fleet, proxies: [...new Set(own.map(({ proxy }) => proxy))].sort() };
  });
}

function served(cells: readonly Cell[]): readonly Served[] {
  const grow = recordedGrowth();
  return cells.map(({ t, proxies }) => {
    const grown = grow(proxies).filter(({ family }) => family === 'upstream_rq_xx');
    const of = (arm: string) => grown.reduce((sum, one) => sum + (one.cluster === arm ? one.value : 0), 0);
    return { t, canary: of('canary'), stable: of('stable') };
  });
}

function percentsOf({ strategy }: PlanSpec): readonly number[] {
  return strategy.steps.map(({ weight }) => weight / 100);
}

/** `14.2 % of 1200 requests went to the canary from … to …`. */
export function words({ fromMs, toMs, canary, stable }: WeightPiece): string {
  const n = canary + stable;
  const share = n === 0 ? 0 : Math.round((1_000 * canary) / n) / 10;
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString());
  return `${share} % of ${n} requests went to the canary from ${from} to ${to}`;
}
