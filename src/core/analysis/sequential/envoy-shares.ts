import { nameHash } from '../../model/name-hash.ts';
import { rejects } from '../statistics/combine.ts';
import { logSumExp, OFFSETS } from '../statistics/tilt.ts';
import { allowedShare } from '../statistics/tilt-test.ts';
import { MAX_STARTS } from './starts.ts';

/**
 * The routing check of single Envoys: one whose table is old or wrong is hardly seen in the sum over a fleet. At one weight
 * the evidence of an Envoy is a function of two sums, so these are all that is remembered of it.
 */

/** Requests of one Envoy, of both arms. */
export interface EnvoySeen {
  readonly envoy: string;
  readonly canary: number;
  readonly stable: number;
}

/** By a hash of its name: names may be of any length. */
export type EnvoySums = readonly [id: string, canary: number, stable: number];
const ID_LENGTH = 6;

/** So many are checked: as many as are looked at, as a rule. */
export const MAX_CHECKED = 64;
/** Where the tests of many steps leave less room. */
const CHECKED_OF_MANY_STEPS = 40;
/** More would be a list and no sentence. */
const MAX_NAMED = 3;
const MOST_OF_NAME = 60;
/** Evidence from which an Envoy is named, once there is a mismatch. */
const NAMED = Math.log(20);

/** Room for it in what is remembered; `starts`: parts that each of the tests has. */
export function placesFor(starts: number): number {
  return starts < MAX_STARTS ? MAX_CHECKED : starts === MAX_STARTS ? CHECKED_OF_MANY_STEPS : 0;
}

/**
 * The sums in one order, whatever that of the Envoys. One keeps its place while the weight stays: who began anew would have
 * a second chance.
 */
export function addEnvoys(
  before: readonly EnvoySums[],
  seen: readonly EnvoySeen[],
  places: number = MAX_CHECKED,
): readonly EnvoySums[] {
  if (seen.length === 0) return before;
  const sums = new Map(before.map((one) => [one[0], one]));
  const [known, others]: [EnvoySums[], EnvoySums[]] = [[], []];
  for (const { envoy, canary, stable } of seen) {
    const id = idOf(envoy);
    (sums.has(id) ? known : others).push([id, canary, stable]);
  }
  const add = ([id, canary, stable]: EnvoySums): void => {
    const had = sums.get(id);
    if (had === undefined && sums.size >= places) return;
    sums.set(id, [id, (had?.[1] ?? 0) + canary, (had?.[2] ?? 0) + stable]);
  };
  for (const one of known) add(one);
  for (const one of others.sort(byId)) add(one);
  return [...sums.values()].sort(byId);
}

/**
 * Is one of them off for certain? The mean of the evidence over all places, those that are empty as well, is evidence in
 * turn, however they depend on each other. Each of `steps` weights has its part of the error.
 */
export function someEnvoyOff(sums: readonly EnvoySums[], alpha: number, asked: SharesAsked): boolean {
  if (sums.length === 0) return false;
  const evidence = evidenceAt(asked);
  return rejects(logSumExp(sums.map(evidence)) - Math.log(MAX_CHECKED), alpha / asked.steps);
}

export interface SharesAsked {
  /** Of the canary, 0–1. */
  readonly wanted: number;
  /** Ratio of odds, above 1, that is still taken for the wanted split. */
  readonly tolerance: number;
  /** Weights that are checked at most. */
  readonly steps: number;
}

/** Those among `names` whose share is off by what was seen of them, the worst first. */
export function envoysOff(
  sums: readonly EnvoySums[],
  names: readonly string[],
  asked: Pick<SharesAsked, 'wanted' | 'tolerance'>,
): readonly EnvoySeen[] {
  const evidence = evidenceAt(asked);
  const byHash = new Map(sums.map((one) => [one[0], one]));
  return names
    .flatMap((envoy) => {
      const own = byHash.get(idOf(envoy));
      return own === undefined ? [] : [{ envoy, canary: own[1], stable: own[2], logE: evidence(own) }];
    })
    .filter(({ logE }) => logE >= NAMED)
    .sort((a, b) => b.logE - a.logE || (a.envoy < b.envoy ? -1 : 1))
    .map(({ envoy, canary, stable }) => ({ envoy, canary, stable }));
}

export function envoyWords(off: readonly EnvoySeen[]): string {
  const shown = off.slice(0, MAX_NAMED).map(({ envoy, canary, stable }) => {
    return `${envoy.slice(0, MOST_OF_NAME)} ${percentOf(canary, stable)} (${canary} of ${canary + stable})`;
  });
  return `${shown.join(', ')}${off.length > MAX_NAMED ? ` and ${off.length - MAX_NAMED} more` : ''}`;
}

export function percentOf(canary: number, stable: number): string {
  return `${Number(((100 * canary) / (canary + stable)).toPrecision(3))} %`;
}

/**
 * Evidence that the odds of one Envoy lie outside of the tolerance, on either side: the mixture of `tilt-test.ts`, of sums.
 * What does not depend on the Envoy is made once.
 */
function evidenceAt({ wanted, tolerance }: Pick<SharesAsked, 'wanted' | 'tolerance'>): (sums: EnvoySums) => number {
  const tilts = ([1, -1] as const).flatMap((side) => {
    const q = allowedShare(wanted, side === 1 ? tolerance : 1 / tolerance);
    return OFFSETS.map((offset) => [side * offset, Math.log1p(q * Math.expm1(side * offset))] as const);
  });
  return ([, canary, stable]) => {
    const gains = tilts.map(([d, cost]) => canary * d - (canary + stable) * cost);
    return logSumExp(gains) - Math.log(gains.length);
  };
}

/** As short as text can be. */
export function packEnvoys(sums: readonly EnvoySums[]): string {
  return sums.map(([id, canary, stable]) => `${id}${canary.toString(36)}.${stable.toString(36)}`).join(' ');
}

export function unpackEnvoys(text: string): readonly EnvoySums[] {
  if (text === '') return [];
  return text.split(' ').map((one) => {
    const [canary = '', stable = ''] = one.slice(ID_LENGTH).split('.');
    return [one.slice(0, ID_LENGTH), Number.parseInt(canary, 36), Number.parseInt(stable, 36)];
  });
}

function byId(a: EnvoySums, b: EnvoySums): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1] || a[2] - b[2];
}

/** Two Envoys of one hash are checked as one. */
function idOf(envoy: string): string {
  const hash = nameHash(envoy);
  return ((hash ^ (hash >>> 30)) & 0x3f_ff_ff_ff).toString(36).padStart(ID_LENGTH, '0');
}
