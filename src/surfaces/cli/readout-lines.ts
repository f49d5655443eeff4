import type { RolloutBody } from '../api/schemas.ts';
import { number } from './render.ts';

type Readout = RolloutBody['readout'][number];

const WITHHELD: Readonly<Record<NonNullable<Readout['reason']>, string>> = {
  NOT_STICKY: 'nothing is said: users do not stay with an arm',
  SHARES_DIFFER: 'nothing is said: users are not split as they were to be, so the arms differ in who was counted',
  TOO_FEW_USERS: 'too few users to say anything',
  BAD_COUNTS: 'nothing is said: an arm has more successes than users',
};

/** How the arms of a test compare, in words. */
export function readoutLines({ readout, revision, stable }: RolloutBody): readonly string[] {
  if (readout.length === 0) return [];
  return [`${revision} against ${stable ?? 'nothing'}, as users saw it:`, ...readout.map((one) => `  ${words(one)}`)];
}

function words(readout: Readout): string {
  const { name, kind, canary, stable, standing, reason } = readout;
  const value = (arm: Readout['canary']) =>
    arm.value === null ? 'none' : kind === 'share' ? percent(arm.value) : number(arm.value);
  const seen = `${name}: ${value(canary)} of ${canary.users} users, stable ${value(stable)} of ${stable.users}`;
  if (reason !== null) return `${seen}; ${WITHHELD[reason]}`;
  return `${seen}; ${[compared(readout), standingWords(standing), chance(readout)].filter(Boolean).join('; ')}`;
}

function compared({ lift, difference }: Readout): string {
  const rates = difference === null ? '' : `difference ${number(difference.low)} to ${number(difference.high)}`;
  if (lift === null) return rates;
  const high = lift.high === null ? 'open' : percent(lift.high);
  return `lift ${percent(lift.low)} to ${high}`;
}

function standingWords(standing: Readout['standing']): string {
  return standing === 'undecided' ? 'undecided' : `the canary is the ${standing}`;
}

function chance({ probabilityBetter }: Readout): string {
  return probabilityBetter === null ? '' : `better with probability ${percent(probabilityBetter)} (descriptive only)`;
}

function percent(value: number): string {
  return `${number(value * 100)} %`;
}
