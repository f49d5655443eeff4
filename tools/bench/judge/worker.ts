import { parentPort } from 'node:worker_threads';
import { ALL_WORLDS, CONTESTS, type Job, seedOf } from './contests.ts';
import { type Outcome, replicate } from './replicate.ts';

/** Plays the jobs it is sent, one after the other. */
parentPort?.on('message', (job: Job) => {
  const [world, contest] = [ALL_WORLDS[job.world], CONTESTS[job.contest]];
  if (world === undefined || contest === undefined) throw new RangeError('no such job');
  const outcomes: Outcome[] = [];
  for (let i = job.from; i < job.to; i += 1) outcomes.push(replicate(world, contest, seedOf(job, i)));
  parentPort?.postMessage(outcomes);
});
