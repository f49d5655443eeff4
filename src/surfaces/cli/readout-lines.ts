import { armWords } from '../../core/model/variants.ts';
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
export function readoutLines({ readout, revision, stable, arms = [] }: RolloutBody): readonly string[] {
  const told = (who: string, own: readonly Readout[]) =>
    own.length === 0
      ? []
      : [`${who} against ${stable ?? 'nothing'}, as users saw it:`, ...own.map((one) => `  ${words(one)}`)];
  if (arms.length === 0) return told(revision, readout);
  return arms.flatMap(({ arm, revision: own }) =>
    told(
      `${own} (${arm})`,
      readout.filter((one) => one.arm === arm),
    ),
  );
}

function words(readout: Readout): string {
  const { name, kind, canary, stable, reason } = readout;
  const value = (arm: Readout['canary']) =>
    arm.value === null ? 'none' : kind === 'share' ? percent(arm.value) : number(arm.value);
  const seen = `${name}: ${value(canary)} of ${canary.users} users, stable ${value(stable)} of ${stable.users}`;
  if (reason !== null) return `${seen}; ${WITHHELD[reason]}`;
  return `${seen}; ${[compared(readout), standingWords(readout), chance(readout)].filter(Boolean).join('; ')}`;
}

function compared({ lift, difference }: Readout): string {
  const rates = difference === null ? '' : `difference ${number(difference.low)} to ${number(difference.high)}`;
  if (lift === null) return rates;
  const high = lift.high === null ? 'open' : percent(lift.high);
  return `lift ${percent(lift.low)} to ${high}`;
}

function standingWords({ standing, arm }: Readout): string {
  if (standing === 'undecided') return standing;
  return `${armWords(arm)} is the ${standing}`;
}

function chance({ probabilityBetter }: Readout): string {
  return probabilityBetter === null ? '' : `better with probability ${percent(probabilityBetter)} (descriptive only)`;
}

function percent(value: number): string {
  return `${number(value * 100)} %`;
}
