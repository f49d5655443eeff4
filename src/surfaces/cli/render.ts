import { armWords } from '../../core/model/variants.ts';
import type { EventBody, RolloutBody } from '../api/schemas.ts';

/** Text for people. Pure: the caller knows about colours, widths and terminals. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  dim(text: string): string;
}

export function rolloutLines(r: RolloutBody, paint: Paint): string[] {
  const lines = [
    `${r.backend}: ${r.stable ?? '(nothing)'} → ${testedText(r)}   ${phaseText(r, paint)}   ${paint.dim(r.id)}`,
    ...(r.joint ?? []).slice(1).map((one) => `  with ${one.backend}: ${one.stable ?? '(nothing)'} → ${one.revision}`),
    ...(r.arms ?? []).map(({ arm, revision }) => `  arm ${arm}: ${revision}`),
  ];
  if (r.step !== null) {
    lines.push(`  step ${r.step.index + 1} of ${r.step.of} (${r.step.name}): ${toWhom(r)}${liveText(r)}`);
  }
  if (r.drill?.backMs != null) {
    lines.push(paint.dim(`  the way back is proven: ${r.drill.backMs} ms to the last Envoy`));
  }
  if (r.push?.probe != null && r.push.probe.length > 0) lines.push(`  tried out first by ${r.push.probe.join(', ')}`);
  else if (r.laggards.length > 0) {
    const since = r.push === null || r.push.ackMs === null ? 'not there yet' : 'there before, but not now';
    lines.push(paint.warn(`  ${since}: ${r.laggards.join(', ')}`));
  }
  if (r.excluded.length > 0) lines.push(paint.warn(`  left behind: ${r.excluded.join(', ')}`));
  if (r.paused !== null) lines.push(paint.warn(`  paused by ${r.paused.by}: ${r.paused.reason}`));
  const last = r.jumps.at(-1);
  if (last !== undefined) lines.push(paint.warn(`  ${jumpText(last)}`));
  if (r.cause !== null) lines.push(paint.bad(`  cause: ${r.cause.summary}`));
  for (const v of r.verdicts) lines.push(`  ${verdictText(v, paint)}`);
  if (r.gate !== null) {
    lines.push(paint.warn(`  approve it: serin rollout approve ${r.id} --gate ${r.gate.step}/${r.gate.attempt}`));
  }
  // The verdicts say it better where there are some.
  const told = r.waitingFor.startsWith('evidence of') && r.verdicts.length > 0;
  if (!ended(r) && !told) lines.push(paint.dim(`  waits for ${r.waitingFor}`));
  return lines;
}

function toWhom({ weight, winner, arms }: RolloutBody): string {
  if (winner !== undefined || arms === undefined) return `${weight} % to ${winner ?? 'the canary'}`;
  return sharesText(arms);
}

/** What each arm of a test has. */
export function sharesText(arms: NonNullable<RolloutBody['arms']>): string {
  return arms.map(({ arm, weight }) => `${weight} % to ${armWords(arm)}`).join(', ');
}

/** Of a test all that may still be promoted. */
function testedText({ revision, arms = [], winner }: RolloutBody): string {
  return arms.length === 0 || winner !== undefined ? revision : arms.map((one) => one.revision).join(', ');
}

/** Of several backends and arms each name once. */
function revisionsText(r: RolloutBody): string {
  return r.joint === undefined ? testedText(r) : [...new Set(r.joint.map(({ revision }) => revision))].join(', ');
}

/** Who took it where, and what was not waited for. */
export function jumpText({ by, at, from, to, reason, gates }: RolloutBody['jumps'][number]): string {
  const where = to === null ? 'to all requests' : `to step ${to + 1}`;
  const left = gates.length === 0 ? '' : `; not passed: ${gates.join(', ')}`;
  return `taken from step ${from + 1} ${where} by ${by}, ${at}: ${reason}${left}`;
}

/** `checkout`, or `checkout, cart` where they roll together. */
export function backendsText({ backend, joint }: Pick<RolloutBody, 'backend' | 'joint'>): string {
  return joint === undefined ? backend : joint.map((one) => one.backend).join(', ');
}

export function ended(r: RolloutBody): boolean {
  return ['promoted', 'rolled_back', 'aborted', 'failed', 'superseded'].includes(r.phase);
}

function phaseText({ phase }: RolloutBody, paint: Paint): string {
  const text = phase.replace('_', ' ');
  if (phase === 'promoted') return paint.good(text);
  return ['rolling_back', 'rolled_back', 'failed'].includes(phase) ? paint.bad(text) : paint.warn(text);
}

function liveText({ push }: RolloutBody): string {
  if (push === null) return '';
  const everyEnvoy = push.counted === 1 ? 'its Envoy' : `all ${push.counted} Envoys`;
  return push.ackMs === null ? `, not yet live on ${everyEnvoy}` : `, live on ${everyEnvoy} after ${push.ackMs} ms`;
}

function verdictText(v: RolloutBody['verdicts'][number], paint: Paint): string {
  const mark =
    v.verdict === 'pass' ? paint.good('pass') : v.verdict === 'fail' ? paint.bad('FAIL') : paint.warn('hold');
  const code = v.verdict === 'inconclusive' ? ` ${paint.dim(`[${v.reason}]`)}` : '';
  return `${mark} ${v.metric}: ${v.detail}${code}`;
}

export function eventLine(e: EventBody): string {
  return `${e.at}  ${e.phase.padEnd(12)} ${e.type.padEnd(9)} ${e.message}${e.by === 'serin' ? '' : ` (${e.by})`}`;
}

export function rolloutTable(rollouts: readonly RolloutBody[]): string[] {
  const rows = rollouts.map((r) => [
    r.id,
    backendsText(r),
    revisionsText(r),
    r.phase.replace('_', ' ') + (r.paused === null ? '' : ' (paused)'),
    r.step === null ? '-' : `${r.step.index + 1}/${r.step.of}`,
    r.arms === undefined ? `${r.weight} %` : r.arms.map(({ weight }) => `${weight} %`).join(', '),
    r.updatedAt,
  ]);
  return table([['ID', 'BACKEND', 'REVISION', 'PHASE', 'STEP', 'WEIGHT', 'UPDATED'], ...rows]);
}

/** As exact as people read. */
export function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}

export function table(rows: readonly (readonly string[])[]): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no room on the screen
  const width = (text: string) => text.replaceAll(/\u001b\[\d+m/g, '').length;
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd(),
  );
}
