import { closeSync, openSync, writeSync } from 'node:fs';
import { type Recording, recordingOf } from '../../core/analysis/recording/parse-recording.ts';
import { USUAL_SCRAPE_MS } from '../../core/analysis/sample-health.ts';
import { counted } from '../../core/model/counted.ts';
import type { Document, PlanDocument } from '../../core/model/documents.ts';
import { formatDuration, parseDuration } from '../../core/model/duration.ts';
import { fail, ok, type Result } from '../../core/model/errors.ts';
import { backendsOfPlan } from '../../core/model/joint-spec.ts';
import { nameSome } from '../../core/model/name-some.ts';
import { longestTimeoutMs } from '../../core/model/route-rule.ts';
import { judgedTimeoutMs } from '../../core/rollout/judged-plan.ts';
import { type PastRecording, recordPast, words } from '../../engine/record-past.ts';
import { type CommandContext, durationOption, type FleetInPrometheus } from './command-context.ts';
import { readDocuments } from './preview-options.ts';

/** Options of `serin analysis replay --prometheus`. */
export interface PastOptions {
  readonly prometheus: string;
  readonly plan?: string;
  readonly backend?: string;
  readonly from?: string;
  readonly to: string;
  readonly stable?: string;
  readonly canary?: string;
  readonly weights?: string;
  readonly config?: string;
  readonly fleet: readonly string[];
  readonly selector: readonly string[];
  readonly nodeLabel?: string;
  readonly scrapeInterval?: string;
  readonly routeTimeout?: string;
  readonly save?: string;
}

/** A recording of a time that Prometheus still knows; what was found is said on the way. */
export async function recordingOfPast(context: CommandContext, options: PastOptions): Promise<Result<Recording>> {
  const { cli, terminal } = context;
  const asked = askedOf(context, options);
  if (asked.kind === 'error') return asked;
  const { plan, routeTimeoutMs } = asked.value;
  const nowMs = Date.now();
  const from = momentOf('--from', options.from, nowMs);
  if (from.kind === 'error') return from;
  const to = momentOf('--to', options.to, nowMs);
  if (to.kind === 'error') return to;
  const weights = weightsOf(options.weights);
  if (weights.kind === 'error') return weights;
  const fleet = fleetOf(options);
  if (fleet.kind === 'error') return fleet;
  const source = await cli.pastMetrics({ url: options.prometheus, ...fleet.value });
  if (source.kind === 'error') return source;
  const { fleets, metrics } = source.value;
  const { stable = null, canary = null } = options;
  const range = { fromMs: from.value, toMs: Math.min(to.value, nowMs) };
  const named = { stable, canary, weights: weights.value, ...range };
  const release = { plan: plan.spec, fleets, ...named, routeTimeoutMs: routeTimeoutMs ?? 0 };
  const made = await recordPast(metrics, release);
  if (made.kind === 'error') return made;
  for (const line of found(made.value)) terminal.err(line);
  terminal.err(settling(routeTimeoutMs));
  if (options.save !== undefined) {
    const saved = save(options.save, made.value.lines);
    if (saved.kind === 'error') return saved;
  }
  return recordingOf('the recording from Prometheus', made.value.lines);
}

interface Asked {
  readonly plan: PlanDocument;
  /** `null`: no Route says it. */
  readonly routeTimeoutMs: number | null;
}

function askedOf({ cli }: CommandContext, options: PastOptions): Result<Asked> {
  const { plan: file, backend } = options;
  const timeout = durationOption(options.routeTimeout);
  if (timeout.kind === 'error') return timeout;
  if (file === undefined) return refused('--prometheus needs a plan', 'Name its file with --plan.');
  const documents = readDocuments([file], cli);
  if (documents.kind === 'error') return documents;
  const plan = planOf(documents.value, file, backend);
  if (plan.kind === 'error') return plan;
  const rules = documents.value.flatMap((document) => (document.kind === 'Route' ? document.spec.rules : []));
  const routeTimeoutMs = timeout.value ?? longestTimeoutMs(rules, plan.value.spec.backend);
  return ok({ plan: plan.value, routeTimeoutMs });
}

function planOf(documents: readonly Document[], file: string, backend: string | undefined): Result<PlanDocument> {
  const plans = documents.filter((document) => document.kind === 'Plan');
  const [plan, ...more] = plans.filter(({ spec }) => backend === undefined || backendsOfPlan(spec).includes(backend));
  if (plan === undefined) {
    const which = backend === undefined ? '' : ` for backend ${backend}`;
    return refused(`there is no Plan${which} in ${file}`, 'Give the file with the Plan.');
  }
  // Of several backends that roll together the one that is named, or the first: a release is looked at by itself.
  if (more.length === 0) return ok({ ...plan, spec: { ...plan.spec, backend: backend ?? plan.spec.backend } });
  const names = nameSome([plan, ...more].map(({ spec }) => spec.backend));
  return refused(`there are several Plans in ${file}: ${names}`, 'Say which backend with --backend.');
}

/** `T` and zone are needed: who reads a bare date means another time zone than who wrote it. */
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/;

function momentOf(option: string, text: string | undefined, nowMs: number): Result<number> {
  const hint = 'Write it like 2026-01-31T14:00:00Z, -3h or now.';
  if (text === undefined) return refused(`--prometheus needs ${option}`, hint);
  if (text === 'now') return ok(nowMs);
  const ago = text.startsWith('-') ? parseDuration(text.slice(1)) : null;
  if (ago !== null) return ok(nowMs - ago);
  const ms = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? refused(`"${text}" is no time for ${option}`, hint) : ok(ms);
}

function weightsOf(text: string | undefined): Result<readonly number[] | null> {
  if (text === undefined) return ok(null);
  const weights = text.split(',').map((word) => (/^\d+(\.\d+)?$/.test(word.trim()) ? Number(word) : Number.NaN));
  const good = weights.length <= 100 && weights.every((weight) => weight >= 0 && weight <= 100);
  return good ? ok(weights) : refused(`"${text}" are no weights`, 'Write percentages like --weights 5,25,50.');
}

function fleetOf({ config, fleet, selector, nodeLabel, scrapeInterval }: PastOptions): Result<FleetInPrometheus> {
  const interval = durationOption(scrapeInterval);
  if (interval.kind === 'error') return interval;
  const own = selector.length > 0 || nodeLabel !== undefined || scrapeInterval !== undefined;
  if (config !== undefined) {
    if (!own) return ok({ config, fleets: fleet });
    return refused('--config says how fleets are found, and so do the other options', 'Give one or the other.');
  }
  if (fleet.length > 0) return refused('--fleet names fleets of a configuration', 'Name its file with --config.');
  const labels: Record<string, string> = {};
  for (const one of selector) {
    const [, name, value] = /^([a-zA-Z_][a-zA-Z0-9_]*)=(.+)$/.exec(one) ?? [];
    if (name === undefined || value === undefined) {
      return refused(`"${one}" is no label and value`, 'Write them like --selector job=envoy.');
    }
    labels[name] = value;
  }
  if (nodeLabel !== undefined && !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(nodeLabel)) {
    return refused(`"${nodeLabel}" is no label name`, 'Write it like --node-label instance.');
  }
  const scrapeMs = interval.value ?? USUAL_SCRAPE_MS;
  if (scrapeMs < 100) return refused('scrapes do not come that often', 'Write it like --scrape-interval 15s.');
  return ok({ selector: labels, nodeLabel: nodeLabel ?? 'instance', scrapeMs });
}

function found({ arms, proxies, pieces }: PastRecording): readonly string[] {
  const { looked, all } = proxies;
  return [
    `stable ${arms.stable}, canary ${arms.canary}, ${looked === all ? '' : `${looked} of `}${counted(all, 'Envoy')}`,
    ...pieces.map((piece) => `${piece.weight} %: ${words(piece)}`),
  ];
}

/** Answers of the old weight may come as late as their timeout, so a judge waits for it after each change. */
function settling(routeTimeoutMs: number | null): string {
  if (routeTimeoutMs === null) {
    return 'no timeout of its routes is known, so none is waited for: give their file with the Plan, or --route-timeout';
  }
  return `after a change of weight the timeout of the routes is waited for: ${formatDuration(judgedTimeoutMs({ routeTimeoutMs }))}`;
}

function save(file: string, lines: readonly object[]): Result<'done'> {
  try {
    const to = openSync(file, 'w');
    // Line by line: a long one is larger than a string may be.
    for (const line of lines) writeSync(to, `${JSON.stringify(line)}\n`);
    closeSync(to);
    return ok('done');
  } catch {
    return refused(`${file} cannot be written`, 'Check the path.');
  }
}

function refused(message: string, hint: string) {
  return fail('SERIN_REQUEST_INVALID', message, { hint });
}
