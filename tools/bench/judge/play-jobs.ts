import { Worker } from 'node:worker_threads';
import type { Job } from './contests.ts';
import type { Outcome } from './replicate.ts';

/** Outcomes of each job, in the order of the jobs, whichever worker took it. */
export async function playJobs(jobs: readonly Job[], workers: number): Promise<readonly (readonly Outcome[])[]> {
  const outcomes = new Array<readonly Outcome[]>(jobs.length);
  let next = 0;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./worker.mjs', import.meta.url));
      let current = -1;
      const give = () => {
        current = next;
        next += 1;
        const job = jobs[current];
        if (job === undefined) void worker.terminate().then(() => resolve());
        else worker.postMessage(job);
      };
      worker.on('error', reject);
      worker.on('message', (played: readonly Outcome[]) => {
        outcomes[current] = played;
        give();
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.max(1, Math.min(workers, jobs.length)) }, one));
  return outcomes;
}
