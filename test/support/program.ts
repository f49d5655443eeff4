import { resolve } from 'node:path';

/**
 * What `node` is given to run `serin`: the sources, or the file that `SERIN_PROGRAM` names. The integration tests
 * name what `npm run build` makes (see `built-program.ts`): users run that, and it starts in less than half the time.
 */
export const PROGRAM: readonly string[] =
  process.env.SERIN_PROGRAM === undefined
    ? ['--import', 'tsx', resolve('src/main.ts')]
    : [resolve(process.env.SERIN_PROGRAM)];
