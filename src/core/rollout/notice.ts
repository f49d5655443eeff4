import type { Verdict } from '../analysis/judge.ts';
import { percent } from '../model/percent.ts';
import { canaryWeight } from '../traffic/backend-traffic.ts';
import { armsOf, shareOf } from './arms.ts';
import type { Notice } from './event.ts';
import { backendNames, be, canaryNames, jointOf, partOf, stableNames, variantsOf } from './joint.ts';
import type { Cause, Rollout } from './rollout.ts';
import type { Draft } from './transition.ts';

type Kind = Exclude<Notice['kind'], 'store_frozen' | 'evidence_lost' | 'evidence_back'>;

const TITLES: Record<Kind, (r: Rollout) => string> = {
  queued: (r) => `${backendNames(r)}: rollout of ${canaryNames(r)} waits for another one to end`,
  started: (r) =>
    r.undoes === undefined
      ? `${backendNames(r)}: rollout of ${canaryNames(r)} started`
      : `${backendNames(r)}: undo, all requests go back to ${canaryNames(r)}`,
  step: (r) =>
    canaryWeight(r) === 0
      ? `${backendNames(r)}: ${canaryNames(r)} ${be(r)} open to testers only (step ${stepOf(r)})`
      : `${backendNames(r)}: ${canaryNames(r)} goes to ${sharesOf(r)} (step ${stepOf(r)})`,
  promoted: (r) =>
    r.undoes === undefined
      ? `${backendNames(r)}: ${canaryNames(r)} ${be(r)} promoted`
      : `${backendNames(r)}: ${stableNames(r)} is undone, ${canaryNames(r)} ${be(r)} stable again`,
  rolling_back: (r) => `${backendNames(r)}: ${canaryNames(r)} ${be(r)} being rolled back`,
  rolled_back: (r) => `${backendNames(r)}: ${canaryNames(r)} ${be(r)} rolled back`,
  aborting: (r) =>
    r.cause?.kind === 'superseded'
      ? `${backendNames(r)}: ${canaryNames(r)} goes back, a newer revision takes its place`
      : `${backendNames(r)}: ${canaryNames(r)} ${be(r)} being aborted`,
  aborted: (r) => `${backendNames(r)}: ${canaryNames(r)} ${be(r)} aborted`,
  superseded: (r) => `${backendNames(r)}: ${canaryNames(r)} ${be(r)} superseded by a newer revision`,
  failed: (r) => `${backendNames(r)}: ${canaryNames(r)} failed before it got traffic`,
  paused: (r) => `${backendNames(r)}: ${canaryNames(r)} ${be(r)} paused`,
  resumed: (r) => `${backendNames(r)}: ${canaryNames(r)} ${be(r)} resumed`,
  laggards: (r) => `${backendNames(r)}: Envoys do not answer in the rollout of ${canaryNames(r)}`,
  streams: (r) => `${backendNames(r)}: requests to ${canaryNames(r)} go on after its way back`,
  quarantined: (r) => `${backendNames(r)}: ${canaryNames(r)} ${be(r)} set aside, engines crash on it`,
  baking: (r) => `${backendNames(r)}: ${canaryNames(r)} has all requests and bakes`,
  webhook: (r) => `${backendNames(r)}: ${canaryNames(r)} waits for a hook (step ${stepOf(r)})`,
  approval: (r) => `${backendNames(r)}: ${canaryNames(r)} waits for an approval (step ${stepOf(r)})`,
  decision_wanted: (r) => `${backendNames(r)}: the test of ${canaryNames(r)} ${be(r)} over, a person has to end it`,
  jumped: (r) =>
    canaryWeight(r) === 0
      ? `${backendNames(r)}: ${canaryNames(r)} ${be(r)} open to testers only, by hand (step ${stepOf(r)})`
      : `${backendNames(r)}: ${canaryNames(r)} goes to ${sharesOf(r)} by hand${r.phase === 'promoting' ? '' : ` (step ${stepOf(r)})`}`,
  opened: (r) => `${backendNames(r)}: the gate of a hook is opened by hand for ${canaryNames(r)} (step ${stepOf(r)})`,
};

/** `5 %`, or `33 %, 33 %` of the arms of a test. */
function sharesOf(r: Rollout): string {
  if (r.variants === undefined || r.phase !== 'stepping') return percent(canaryWeight(r));
  return armsOf(r)
    .map(({ name }) => percent(shareOf(r, name)))
    .join(', ');
}

const TONES: Record<Kind, Notice['tone']> = {
  queued: 'info',
  started: 'info',
  step: 'info',
  promoted: 'good',
  rolling_back: 'bad',
  rolled_back: 'bad',
  aborting: 'warning',
  aborted: 'warning',
  superseded: 'warning',
  failed: 'bad',
  paused: 'warning',
  resumed: 'info',
  baking: 'info',
  webhook: 'warning',
  approval: 'warning',
  decision_wanted: 'warning',
  jumped: 'warning',
  opened: 'warning',
  laggards: 'warning',
  streams: 'warning',
  quarantined: 'bad',
};

/** One message per change of state, always with the reason. */
export function tell(d: Draft, kind: Kind, extra: readonly (readonly [string, string])[] = []): void {
  const r = d.rollout;
  d.notices.push({
    // Made from the record and the time of the decision alone, so a repeated decision has the same id.
    id: `${r.id}-${kind}-${r.attempt}-${d.nowMs}`,
    rolloutId: r.id,
    backend: r.backend,
    ...jointOf(r),
    plan: r.plan,
    revision: partOf(r, r.backend).canary.name,
    ...variantsOf(r),
    stable: r.stable?.name ?? null,
    kind,
    tone: TONES[kind],
    title: TITLES[kind](r),
    fields: [...(r.cause === null ? [] : causeFields(r, r.cause)), ...extra],
    atMs: d.nowMs,
  });
}

/** `2 of 4`, counting from 1. */
export function stepOf(r: Rollout): string {
  return `${r.step + 1} of ${r.spec.strategy.steps.length}`;
}

function causeFields(r: Rollout, cause: Cause): (readonly [string, string])[] {
  const step = r.spec.strategy.steps[cause.step];
  const fields: (readonly [string, string])[] = [['Cause', cause.summary]];
  if (cause.baking === true) fields.push(['Step', 'bake, all requests']);
  else if (step !== undefined) fields.push(['Step', `${cause.step + 1} (${step.name}, ${percent(step.weight)})`]);
  if (cause.node !== null) fields.push(['Envoy', cause.node]);
  if (cause.verdict !== null) fields.push(...verdictFields(cause.verdict));
  if (cause.hurt !== undefined) fields.push(['Requests hurt', String(cause.hurt)]);
  return fields;
}

function verdictFields(v: Verdict): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = [['Metric', v.metric]];
  if (v.value !== null) fields.push(['Value', number(v.value)]);
  if (v.limit.max !== null) fields.push(['Limit', `at most ${number(v.limit.max)}`]);
  if (v.limit.min !== null) fields.push(['Limit', `at least ${number(v.limit.min)}`]);
  if (v.baseline !== null) fields.push(['Baseline', number(v.baseline)]);
  if (v.requests !== null) fields.push(['Requests seen', String(v.requests)]);
  if (v.ratio !== undefined) fields.push(['Times as bad as stable', ratioText(v.ratio)]);
  if (v.evidence !== undefined) fields.push(['Evidence of harm', `${number(v.evidence.e)} of ${v.evidence.limit}`]);
  return fields;
}

function ratioText({ low, high, point }: NonNullable<Verdict['ratio']>): string {
  const range = high === null ? `at least ${number(low)}` : `${number(low)} to ${number(high)}`;
  return point == null ? range : `${number(point)} (${range})`;
}

/** Requests to the canary that a metric counts as bad in the present step; `null`: it counts none. */
export function badRequests({ value, requests }: Verdict): number | null {
  return requests === null || value === null || value > 1 ? null : Math.round(value * requests);
}

/** The same over all steps so far. */
export function hurt({ history }: Pick<Rollout, 'history'>, verdict: Verdict): number | null {
  const now = badRequests(verdict);
  const before = history.reduce((sum, { bad }) => sum + (bad?.[verdict.metric] ?? 0), 0);
  return now === null && before === 0 ? null : before + (now ?? 0);
}

function number(value: number): string {
  return String(Number(value.toPrecision(4)));
}
