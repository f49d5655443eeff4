import { table } from './table.ts';

/** As in `tools/soak/judge.ts`. */
const ALLOWED = [
  ['each replica', 'resident memory, heap, memory outside the heap', '12, 6, 3 MiB, and 2 % of the level an hour'],
  ['each replica', 'handles, open files', '5'],
  ['Redis', 'keys without a time to live; entries of each family of them', '15; 60'],
  ['Redis', 'memory without the capped logs; connections', '2 MiB, and 2 % of the level an hour; 5'],
  ['Redis', 'the capped logs (`journal`, `changes`, `audit`, `dead`)', 'up to their cap'],
];

/** Of `docs/reliability.md`. */
export const SOAK = `## The soak

\`npm run soak [-- --minutes M --seed S]\` runs the same plant for as long as it is told (60 minutes), with the faults of
the crash harness one after the other and a few seconds of calm between them. One replica is never killed, so that its
curve is as long as the run. Retention keeps 10 rollouts and is asked to sweep every 10 s instead of once an hour, so
that keys come and go; replicas collect their garbage every 2 s, so that what they hold shows.

At the end everything is checked that the crash harness checks, and that nothing grows:

${table(['of', 'what', 'may be added'], ALLOWED)}

A process is measured from its own start. The first third of the run is its warm-up, at most ten minutes; a process that
does not live half a minute longer than that is not judged. A line is fitted through the least value of each tenth of the
time that is left: garbage and connections that come and go are not in the least values, what leaks is. It grows when it
certainly (by two standard errors) grows by more than may be added. The last line is one JSON object; the exit code is 1
if anything was wrong.
`;
