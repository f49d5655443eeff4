import { defineConfig } from 'vitest/config';

const integration = 'test/**/*.integration.test.ts';

export default defineConfig({
  test: {
    // One more than the two cores of a usual runner: the tests wait for real servers much of the time.
    maxWorkers: 3,
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
