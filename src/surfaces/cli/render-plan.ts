import type { EffectivePlan } from '../../core/manifest/effective/effective-plan.ts';
import { analysesOf, heldWithoutAnalysis, planSummary } from '../../core/manifest/effective/plan-summary.ts';
import {
  below,
  isTreeList,
  isTreeMap,
  Span,
  type Tree,
  type TreeMap,
  Unsaid,
} from '../../core/manifest/effective/tree.ts';
import { counted } from '../../core/model/counted.ts';
import type { PlanSpec, StepSpec } from '../../core/model/documents.ts';
import { durationInWords, parseDuration } from '../../core/model/duration.ts';
import { backendsOfPlan } from '../../core/model/joint-spec.ts';
import { percent } from '../../core/model/percent.ts';
import { type Paint, table } from './render.ts';

/** `serin plan show` for people. What nobody has written is marked. */
export function planLines(plan: EffectivePlan, paint: Paint): string[] {
  const { name, spec, strategy, written, defaults } = plan;
  const marks = { defaults, mark: paint.dim('(default)') };
  // What the lines above say already.
  const rest = Object.entries(written).filter(
    ([key]) => !['backends', 'backend', 'strategy', 'analysis'].includes(key),
  );
  const from = strategy === null ? 'by steps of its own' : `by strategy ${strategy.name}`;
  const together = spec.joint === undefined ? '' : ' together';
  return [
    `Plan ${name}: new revisions of ${backendsOfPlan(spec).join(', ')}${together}, ${from}`,
    `  ${summaryText(spec)}`,
    ...(strategy === null || strategy.parameters.length === 0
      ? []
      : ['', 'PARAMETERS', ...parameterLines(strategy.parameters, marks)]),
    ...(spec.strategy.steps.length === 0 ? [] : ['', ...stepTable(spec, marks)]),
    ...stepDetails((written.strategy as { readonly steps: readonly TreeMap[] }).steps, marks),
    '',
    ...analysisLines(written.analysis ?? [], spec, marks),
    '',
    'OTHERWISE',
    ...mappingLines(Object.fromEntries(rest), '', marks),
  ];
}

interface Marks {
  readonly defaults: ReadonlySet<string>;
  readonly mark: string;
}

function summaryText(spec: PlanSpec): string {
  const { leastMs, steps, largestWeight, approvals, webhooks } = planSummary(spec);
  const held = spec.bakeMs === undefined ? 'all holds' : 'all holds and the bake';
  return [
    `at the least ${durationInWords(leastMs)} (${held})`,
    steps === 0
      ? 'no steps: all requests at once'
      : `${counted(steps, 'step')} up to ${percent(largestWeight)}, then all requests`,
    ...(approvals === 0 ? [] : [counted(approvals, 'approval')]),
    ...(webhooks === 0 ? [] : [counted(webhooks, 'webhook')]),
  ].join('; ');
}

function parameterLines(parameters: NonNullable<EffectivePlan['strategy']>['parameters'], { mark }: Marks): string[] {
  return table(
    parameters.map(({ name, type, value, isDefault }) => {
      const ms = type === 'duration' ? parseDuration(String(value)) : null;
      const words = ms === null ? valueText(value as Tree) : durationInWords(ms);
      return [`  ${name}`, isDefault ? `${words} ${mark}` : words];
    }),
  );
}

function stepTable(spec: PlanSpec, marks: Marks): string[] {
  const { steps } = spec.strategy;
  const rows = steps.map((step, i) => {
    const cell = (key: string, text: string) => marked(text, `strategy.steps[${i}].${key}`, marks);
    const names = analysesOf(spec, step);
    return [
      cell('name', step.name),
      cell(step.weights === undefined ? 'weight' : 'weights', sharesText(step)),
      cell('hold', durationInWords(step.holdMs)),
      cell('until', untilText(step)),
      cell(step.approval === undefined ? 'approve' : 'approval', approvalText(step)),
      names.length === 0 ? 'none' : names.join(', '),
    ];
  });
  return table([['STEP', 'CANARY', 'HOLD', 'UNTIL', 'APPROVAL', 'ANALYSES'], ...rows]);
}

/** Of the canary, and behind it of each variant. */
function sharesText({ weight, weights = {} }: StepSpec): string {
  return [percent(weight), ...Object.entries(weights).map(([arm, share]) => `${arm} ${percent(share)}`)].join(', ');
}

function untilText({ until }: StepSpec): string {
  if (until === undefined) return 'none';
  const { requests, regression, atMostMs } = until;
  return [
    ...(requests === null ? [] : [`${requests} requests`]),
    ...(regression === null ? [] : [`enough for ${regression} times`]),
    `${atMostMs === null ? 'until the deadline' : `${durationInWords(atMostMs)} at most`}`,
  ].join(', ');
}

function approvalText({ approve, approval }: StepSpec): string {
  if (!approve) return 'none';
  const { by = [], withinMs = null, otherwise } = approval ?? {};
  const whose = by.length === 0 ? 'by anybody' : `by ${by.join(' or ')}`;
  return withinMs === null ? whose : `${whose} within ${durationInWords(withinMs)}, otherwise ${otherwise}`;
}

/** What has no column. */
const DETAILS = ['matches', 'webhook', 'sticky', 'mirror', 'headers', 'analysis'] as const;

/** Steps that follow each other with the same details are said once. */
function stepDetails(steps: readonly TreeMap[], marks: Marks): string[] {
  const groups: { readonly lines: readonly string[]; readonly names: string[] }[] = [];
  steps.forEach((step, i) => {
    const lines = detailLines(step, `strategy.steps[${i}]`, marks);
    const last = groups.at(-1);
    if (last !== undefined && last.lines.join('\n') === lines.join('\n')) last.names.push(String(step.name));
    else groups.push({ lines, names: [String(step.name)] });
  });
  return groups.flatMap(({ lines, names }) => {
    if (lines.length === 0) return [];
    const [first] = names;
    return ['', names.length === 1 ? `STEP ${first}` : `STEPS ${first} to ${names.at(-1)}`, ...lines];
  });
}

function detailLines(step: TreeMap, path: string, marks: Marks): string[] {
  const there = DETAILS.flatMap((key) => {
    const value = step[key];
    const isThere = value !== undefined && !(value instanceof Unsaid) && !(isTreeList(value) && value.length === 0);
    return isThere ? [[key, value] as const] : [];
  });
  return mappingLines(Object.fromEntries(there), path, marks);
}

function analysisLines(analysis: Tree, spec: PlanSpec, marks: Marks): string[] {
  if (!isTreeList(analysis) || analysis.length === 0) {
    return [`ANALYSES  ${marked(`none: ${heldWithoutAnalysis(spec)}`, 'analysis', marks)}`];
  }
  return ['ANALYSES of every step that gives the canary requests', ...listLines(analysis, 'analysis', marks)];
}

function mappingLines(map: TreeMap, path: string, marks: Marks): string[] {
  const width = Math.max(0, ...Object.keys(map).map((key) => key.length));
  return Object.entries(map).flatMap(([key, given]) => {
    const at = below(path, key);
    const value = given instanceof Unsaid && given.value !== null ? given.value : given;
    if (isTreeMap(value)) return [`  ${marked(key, at, marks)}`, ...mappingLines(value, at, marks).map(indented)];
    if (isTreeList(value) && value.some(isTreeMap)) {
      return [`  ${marked(key, at, marks)}`, ...listLines(value, at, marks).map(indented)];
    }
    return [`  ${key.padEnd(width)}  ${marked(valueText(value), at, marks)}`];
  });
}

function listLines(list: readonly Tree[], path: string, marks: Marks): string[] {
  return list.flatMap((item, i) => {
    const lines = isTreeMap(item) ? mappingLines(item, `${path}[${i}]`, marks) : [`  ${valueText(item)}`];
    return lines.map((line, k) => (k === 0 ? `  - ${line.slice(2)}` : `  ${line}`));
  });
}

function indented(line: string): string {
  return `  ${line}`;
}

function marked(text: string, path: string, { defaults, mark }: Marks): string {
  return defaults.has(path) ? `${text} ${mark}` : text;
}

function valueText(value: Tree): string {
  if (value instanceof Span) return durationInWords(value.ms);
  if (value instanceof Unsaid) return value.words;
  if (isTreeMap(value))
    return Object.entries(value)
      .map(([key, one]) => `${key} ${valueText(one)}`)
      .join(', ');
  if (isTreeList(value)) return value.length === 0 ? 'none' : value.map(valueText).join(', ');
  return String(value);
}
