import type { Outcome } from './decision.ts';

/** `words`: people read something else, and nothing else has changed. */
export type DifferenceKind = 'decision' | 'words';

export interface FieldDifference {
  /** As in `evidence.verdicts.0.verdict`. */
  readonly path: string;
  readonly was: unknown;
  readonly now: unknown;
}

/** So many differing fields of one decision are named. */
const MAX_FIELDS = 50;
const WORDS = /^(?:waitingFor|paused\.reason|cause\.summary|.*\.detail)$/;
/** Counted for people, or noted for later looks: what is decided by it shows in those itself. */
const SHOWN = [
  ...[/^cause\.hurt$/, /^history\.\d+\.bad\b/, /^evidence\.(?:late|inconclusiveSinceMs)$/],
  ...[/\.(?:ratio|dispersion)\b/, /^(?:push|history\.\d+)\.(?:offsetMs|liveOffsetMs)$/],
];

/** All fields in which two JSON values differ, as far as they are named. */
export function differingFields(was: unknown, now: unknown): readonly FieldDifference[] {
  const found: FieldDifference[] = [];
  const walk = (path: string, a: unknown, b: unknown): void => {
    if (found.length >= MAX_FIELDS || Object.is(a, b)) return;
    if (!isNest(a) || !isNest(b) || Array.isArray(a) !== Array.isArray(b)) {
      if (a !== undefined || b !== undefined) found.push({ path, was: a ?? null, now: b ?? null });
      return;
    }
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      walk(path === '' ? key : `${path}.${key}`, a[key], b[key]);
    }
  };
  walk('', was, now);
  return found;
}

export function kindOf(fields: readonly FieldDifference[]): DifferenceKind {
  return fields.every(({ path }) => WORDS.test(path) || SHOWN.some((shown) => shown.test(path))) ? 'words' : 'decision';
}

/** What a decision came to, in a few words for people. */
export function describe(before: Readonly<Record<string, unknown>>, { fields, traffic, said }: Outcome): string {
  const phase = fields.phase ?? before.phase;
  const parts: string[] = [];
  if (phase !== before.phase) parts.push(`${text(before.phase)} → ${text(phase)}`);
  if (fields.step !== undefined && fields.step !== before.step) parts.push(`step ${Number(fields.step) + 1}`);
  if (fields.paused !== undefined) parts.push(fields.paused === null ? 'resumed' : 'paused');
  if (parts.length === 0) parts.push(traffic ? 'a change of traffic' : 'hold');
  if (said.length > 0) parts.push(`says ${[...new Set(said)].join(', ')}`);
  const verdicts = verdictsIn(fields.evidence);
  if (verdicts.length > 0) parts.push(verdicts.join(', '));
  return parts.join('; ');
}

function verdictsIn(evidence: unknown): readonly string[] {
  if (!isNest(evidence) || !Array.isArray(evidence.verdicts)) return [];
  return evidence.verdicts
    .filter(isNest)
    .map((one) => `${text(one.metric)} ${text(one.verdict)} (${text(one.reason)})`);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '?';
}

function isNest(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
