import type { RolloutBody } from '../api/schemas.ts';
import type { VerdictPoint } from '../api/verdict-schemas.ts';
import { readoutLines } from './readout-lines.ts';
import { ended, jumpText, number, sharesText, table } from './render.ts';

/** Why a rollout stands where it stands, in words: what was compared, how sure it is, and what is missing. */
export function explainLines(r: RolloutBody, points: readonly VerdictPoint[]): readonly string[] {
  const stable = r.stable ?? 'nothing';
  const who = r.arms === undefined || r.winner !== undefined ? r.revision : armsText(r.arms);
  const lines = [`${r.backend}: ${who} against ${stable} is ${r.phase.replace('_', ' ')}.`];
  for (const { backend, revision, stable: other } of r.joint?.slice(1) ?? []) {
    lines.push(
      `Together with ${backend}: ${revision} against ${other ?? 'nothing'}; one failing sends all of them back.`,
    );
  }
  if (r.undoes !== null) lines.push(`It takes back rollout ${r.undoes}, by a person and without a canary.`);
  if (r.cause !== null) lines.push(`It left the straight way because: ${r.cause.summary}`);
  if (r.paused !== null && !ended(r)) lines.push(`It is paused by ${r.paused.by}: ${r.paused.reason}`);
  for (const jump of r.jumps) lines.push(`It was ${jumpText(jump)}.`);
  if (r.bake !== null) {
    lines.push(`All requests go to ${r.revision} since ${r.bake.since}; it bakes until ${r.bake.until} at least.`);
  }
  if (r.hook !== null && r.hook.answer?.kind !== 'open') lines.push(hookWords(r.hook));
  const last = points.at(-1);
  if (last === undefined && r.readout.length > 0) return [...lines, ...readoutLines(r)];
  if (last === undefined) {
    lines.push(ended(r) ? 'It was never judged.' : `It was not judged yet; it waits for ${r.waitingFor}.`);
    return lines;
  }
  const where = isOfBake(last, r) ? 'in the bake' : shareWords(last, r);
  lines.push(`The last look, ${last.at}, ${where}:`);
  for (const metric of last.metrics) lines.push(`  ${metricWords(metric, stableOf(r, metric.metric))}`);
  lines.push(...hurt(points, r));
  lines.push(decisionWords(last, r), ...lateWords(last));
  lines.push(...readoutLines(r));
  if (points.length > 1) lines.push('How it came about:', ...history(points, r).map((line) => `  ${line}`));
  return lines;
}

/** What the canary had; what each arm of a test has, or in which step it was. */
function shareWords({ weight, step }: VerdictPoint, r: RolloutBody): string {
  if (r.arms === undefined) return `at ${weight} % to the canary`;
  if (r.phase !== 'stepping') return `in step ${step + 1}`;
  return `at ${sharesText(r.arms)}`;
}

function hookWords({ target, since, asked, answer }: NonNullable<RolloutBody['hook']>): string {
  const said = answer === null ? 'no answer yet' : `the last answer, ${answer.at}: ${answer.detail}`;
  return `Hook ${target} keeps the gate of the step shut since ${since}; asked ${asked === 1 ? 'once' : `${asked} times`}, ${said}.`;
}

type Metric = VerdictPoint['metrics'][number];

/** Of a joint rollout each metric says whose it is. */
function stableOf({ stable, joint = [] }: RolloutBody, metric: string): string {
  const whose = joint.find(({ backend }) => metric.endsWith(` (${backend})`));
  return whose?.stable ?? stable ?? 'nothing';
}

function metricWords(point: Metric, stable: string): string {
  const { metric, value, baseline, requests, ratio, evidence, score, classification } = point;
  if (score !== undefined) return `${metric}: ${scoreWords(score)}`;
  // Nothing can be said of how nothing compares.
  if (value === null && !requests && classification === undefined) return `${metric}: nothing measured yet`;
  const own = value === null ? 'nothing measured' : share(value);
  const of = requests === null ? '' : ` of ${requests} requests`;
  const base = baseline === null ? '' : `, ${stable} ${share(baseline)}`;
  return `${metric}: ${own}${of}${base}${ratioWords(ratio)}${evidenceWords(evidence)}${classWords(point)}`;
}

function scoreWords({ value, classification }: NonNullable<Metric['score']>): string {
  return value === null ? 'no score, for want of data' : `score ${number(value)} of 100, ${classification}`;
}

function classWords({ classification, critical }: Metric): string {
  return classification === undefined ? '' : `; ${classification}${critical ? ' (critical)' : ''}`;
}

function ratioWords(ratio: Metric['ratio']): string {
  if (ratio === null) return '';
  const [low, high] = [number(ratio.low), ratio.high === null ? null : number(ratio.high)];
  const seen = ratio.point == null ? '' : `; ${number(ratio.point)} times as bad`;
  if (high === null && ratio.low === 0) return `${seen}; how they compare is open`;
  if (seen === '')
    return high === null ? `; at least ${low} times as bad` : `; between ${low} and ${high} times as bad`;
  return high === null ? `${seen}, at least ${low}` : `${seen}, between ${low} and ${high}`;
}

function evidenceWords(evidence: Metric['evidence']): string {
  if (evidence === null) return '';
  return `; evidence of harm ${number(evidence.e)}, it goes back at ${evidence.limit}`;
}

/** A bake has the number of the step before it, and may have its weight: it is what comes after that step was left. */
function isOfBake({ step, weight, at }: VerdictPoint, r: RolloutBody): boolean {
  const left = r.history.findLast((entry) => entry.step === step)?.leftAt ?? null;
  return weight === 100 && left !== null && Date.parse(at) > Date.parse(left);
}

/** A step that a person went back to is another stretch than before. */
function stretchOf(point: VerdictPoint, r: RolloutBody): string {
  if (isOfBake(point, r)) return 'bake';
  const place = r.history.findLastIndex(({ committedAt }) => Date.parse(committedAt) <= Date.parse(point.at));
  return `${place} ${point.step} ${point.weight}`;
}

/** Of each step, and of the bake behind the last one, the last look has them all. */
function hurt(points: readonly VerdictPoint[], r: RolloutBody): readonly string[] {
  const stretches = new Map(points.map((point) => [stretchOf(point, r), point]));
  const failed = [...stretches.values()].reduce((sum, { metrics }) => {
    // Of several backends or arms each has its own.
    const errors = metrics.filter(({ metric }) => /^error-rate(?: \(.*\))?$/.test(metric));
    return errors.reduce((all, { value, requests }) => all + Math.round((value ?? 0) * (requests ?? 0)), sum);
  }, 0);
  return failed === 0
    ? []
    : [`Requests to ${r.arms === undefined ? 'the canary' : 'its arms'} that were seen to fail: ${failed}.`];
}

function decisionWords({ decision, missing }: VerdictPoint, r: RolloutBody): string {
  if (decision === 'rollback') return 'That sends it back.';
  if (decision === 'advance')
    return ended(r) ? 'That let it go on.' : `That lets it go on; it waits for ${r.waitingFor}.`;
  // A plot has no room for all of the words; the rollout has those of its last look.
  const open = ended(r) ? undefined : r.verdicts.find(({ verdict }) => verdict !== 'pass');
  const whole = open === undefined ? null : `${open.metric} ${open.reason}: ${open.detail}`;
  return `It holds. Missing: ${whole?.startsWith((missing ?? '').replace(/…$/, '')) ? whole : (missing ?? r.waitingFor)}`;
}

function lateWords({ late = 0 }: VerdictPoint): readonly string[] {
  if (late === 0) return [];
  const much = late === 1 ? 'One scrape of an Envoy came' : `${late} scrapes of Envoys came`;
  return [`${much} too late and ${late === 1 ? 'was' : 'were'} not judged.`];
}

/** A line per change of decision or score, with the strongest evidence of harm, or with the score and how each metric did. */
function history(points: readonly VerdictPoint[], r: RolloutBody): readonly string[] {
  const turns = points.filter((point, i) => {
    const before = points[i - 1];
    return (
      before === undefined ||
      before.decision !== point.decision ||
      stretchOf(before, r) !== stretchOf(point, r) ||
      scoreOf(before) !== scoreOf(point) ||
      i === points.length - 1
    );
  });
  const scored = points.some((point) => scoreOf(point) !== '-');
  const rows = turns.slice(-20).map((point) => {
    const weight = `${point.weight} %${isOfBake(point, r) ? ', bake' : ''}`;
    return [point.at, weight, point.decision, scored ? scoreOf(point) : strongest(point)];
  });
  return table([['AT', 'WEIGHT', 'DECISION', scored ? 'SCORE' : 'EVIDENCE OF HARM'], ...rows]);
}

function strongest({ metrics }: VerdictPoint): string {
  const most = Math.max(...metrics.map(({ evidence }) => evidence?.e ?? 0), 0);
  return most === 0 ? '-' : number(most);
}

/** Of each backend its score, and in it every metric by its class. */
function scoreOf({ metrics }: VerdictPoint): string {
  const scores = metrics.flatMap(({ score }) => (score === undefined ? [] : [score]));
  if (scores.length === 0) return '-';
  const words = scores.map(({ value, classification }) => {
    return value === null ? 'none' : `${number(value)} ${classification}`;
  });
  const classes = metrics.flatMap((metric) => {
    const found = classWords(metric).replace(/^; /, '');
    return found === '' ? [] : [`${metric.metric} ${found}`];
  });
  return `${words.join(' and ')}: ${classes.join(', ')}`;
}

function share(value: number): string {
  return value >= 0 && value <= 1 ? `${number(value * 100)} %` : number(value);
}

function armsText(arms: NonNullable<RolloutBody['arms']>): string {
  return arms.map(({ arm, revision }) => `${revision} (${arm})`).join(', ');
}
