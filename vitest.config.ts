import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const integration = 'test/**/*.integration.test.ts';
/** These take minutes, most of it real time that has to pass. */
const SLOW = ['windows', 'faults', 'skip-after', 'judging'].map((name) => `/test/scenario/${name}.integration.test.ts`);

/** Without a cache larger files run first; a slow one that is small would be begun last, and waited for alone. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => SLOW.findIndex((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    const slow = sorted.filter((file) => place(file) !== -1).sort((a, b) => place(a) - place(b));
    return [...slow, ...sorted.filter((file) => place(file) === -1)];
  }
}

export default defineConfig({
  test: {
    // One more than the two cores of a usual runner: the tests wait for real servers much of the time.
    maxWorkers: 3,
    sequence: { sequencer: SlowFirst },
    projects: [
      // A machine that does a lot beside is slow, not wrong.
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [integration],
          testTimeout: 30_000,
          // What the tests share is loaded once, not once per file: a third of the time.
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: [integration],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          globalSetup: 'test/support/built-program.ts',
          env: { SERIN_PROGRAM: 'dist/main.js' },
        },
      },
    ],
  },
});
