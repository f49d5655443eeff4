import { formatDuration } from '../../model/duration.ts';
import type { PinMatch } from '../../model/match.ts';
import { percent } from '../../model/percent.ts';
import { matchWords } from './match-words.ts';

/** What a part of a plan says, field by field and in words; a field that says nothing is not there. */
export type Facts = ReadonlyMap<string, string>;

/** Two parts have equal facts exactly when they are equal: a field that is yet to come is told, too. */
export function factsOf(part: object): Facts {
  const facts = new Map<string, string>();
  for (const [key, value] of Object.entries(part)) if (key !== 'name') tell(facts, '', key, value);
  return facts;
}

/** Basis points. */
const SHARES: readonly string[] = ['weight', 'mirror'];

function tell(facts: Map<string, string>, path: string, key: string, value: unknown): void {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return;
  const inWords = wordsOf(path, key, value);
  if (inWords !== null) {
    facts.set(path + labelOf(key, value), inWords);
  } else if (Array.isArray(value)) {
    const names = value.map((item: unknown) => (isObject(item) ? item.name : undefined));
    const named = names.every((name) => typeof name === 'string') && new Set(names).size === names.length;
    for (const [i, item] of value.entries()) tell(facts, path, `${key}[${named ? names[i] : i + 1}]`, item);
  } else if (isObject(value)) {
    for (const [inner, item] of Object.entries(value)) tell(facts, `${path}${key}.`, inner, item);
  }
}

/** `null`: to be told by what is in it. */
function wordsOf(path: string, key: string, value: unknown): string | null {
  if (typeof value === 'number') {
    if (key.endsWith('Ms')) return formatDuration(value);
    return SHARES.includes(key) || path.endsWith('weights.') ? percent(value) : String(value);
  }
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (key === 'matches') return (value as readonly PinMatch[]).map(pinWords).join(' or ');
  if (Array.isArray(value)) return value.some(isObject) ? null : value.join(', ');
  return isObject(value) && Object.keys(value).length === 0 ? 'yes' : null;
}

function pinWords(match: PinMatch): string {
  return match.arm === undefined ? matchWords(match) : `${matchWords(match)} to ${match.arm}`;
}

/** As it is written in YAML. */
function labelOf(key: string, value: unknown): string {
  return typeof value === 'number' && key.endsWith('Ms') ? key.slice(0, -2) : key;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
