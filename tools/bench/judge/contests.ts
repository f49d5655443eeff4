import type { Contest } from './contestant.ts';
import { FURTHER_WORLDS } from './further-worlds.ts';
import { ORACLE } from './oracle.ts';
import { ARGO, FLAGGER, KAYENTA, NAIVE } from './peers.ts';
import { SEQUENTIAL } from './sequential.ts';
import type { World } from './world.ts';
import { WORLDS } from './worlds.ts';

/** Places in both lists fix the seeds: new ones go to the end. */
export const ALL_WORLDS: readonly World[] = [...WORLDS, ...FURTHER_WORLDS];
export const CONTESTS: readonly Contest[] = [SEQUENTIAL, ORACLE, FLAGGER, ...ARGO, KAYENTA, NAIVE];

/** Some replications of one world by one judge. */
export interface Job {
  readonly world: number;
  readonly contest: number;
  readonly from: number;
  readonly to: number;
}

export function seedOf({ world, contest }: Pick<Job, 'world' | 'contest'>, replication: number): number {
  return ((1000 * world + contest) * 65_536 + replication) >>> 0;
}
