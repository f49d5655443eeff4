import { existsSync, readFileSync } from 'node:fs';
import type { Fault } from '../fault/fault-deck.ts';
import type { RolloutKind } from '../fault/history.ts';

/** Written by `npm run fault -- --record`. */
export const FIGURES = 'tools/docs/fault-figures.json';

/** What `npm run fault` reports of one kind of fault. */
export interface KindFigures {
  readonly times: number;
  /** Until somebody acted on what was due, ms; `null`: nothing was killed. */
  readonly recoveryMsP50: number | null;
  readonly recoveryMsMax: number | null;
}

export interface FaultFigures {
  readonly crashes: number;
  readonly violations: number;
  readonly recoveryMsP50: number;
  readonly recoveryMsP99: number;
  readonly duplicatedNotifications: number;
  readonly lostNotifications: number;
  readonly rollouts: number;
  readonly requests: number;
  /** How often, and for how long in all, the harness itself did not get to run: figures of a busy machine are high. */
  readonly stalls: number;
  readonly stalledMs: number;
  readonly points: Readonly<Record<string, number>>;
  /** Runs of earlier versions lack these two. */
  readonly kinds?: Readonly<Partial<Record<Fault['kind'], KindFigures>>>;
  readonly rolloutKinds?: Readonly<Partial<Record<RolloutKind, number>>>;
  readonly seed: number;
}

/** Which faults of the table the harness injects, and by what. */
const INJECTED: Readonly<Record<string, readonly Fault['kind'][]>> = {
  F1: ['point', 'recovery', 'kill engine', 'kill all engines'],
  F2: ['end engine'],
  F4: ['kill store', 'kill store and engine'],
  F7: ['stop store'],
  F9: ['cut metrics line'],
  F16: ['kill Envoy'],
  F20: ['stop Envoy'],
  F21: ['cut line'],
  F24: ['cut receiver line'],
  F33: ['stop engine'],
};

/** Which of them its rollouts meet by themselves. */
const MET: Readonly<Record<string, RolloutKind>> = { F18: 'refused' };

/** `null`: no run was kept yet. */
export function lastFigures(): FaultFigures | null {
  return existsSync(FIGURES) ? (JSON.parse(readFileSync(FIGURES, 'utf8')) as FaultFigures) : null;
}

/** What the run that was kept says of one fault of the table; empty: it injects none such. */
export function lastFigure(id: string, { kinds = {}, rolloutKinds = {} }: Partial<FaultFigures>): string {
  const met = MET[id];
  if (met !== undefined) return rolloutKinds[met] === undefined ? '' : `${rolloutKinds[met]} rollouts`;
  const found = (INJECTED[id] ?? []).flatMap((kind) => kinds[kind] ?? []);
  const times = found.reduce((sum, one) => sum + one.times, 0);
  if (times === 0) return '';
  const worst = Math.max(...found.map(({ recoveryMsMax }) => recoveryMsMax ?? 0));
  return worst === 0 ? `${times} times` : `${times} times; acted again after ${worst} ms at most`;
}
