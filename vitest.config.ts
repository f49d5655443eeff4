import { defineConfig } from 'vitest/config';

const integration = 'test/**/*.integration.test.ts';

export default defineConfig({
  test: {
    // Real servers run beside the tests; more workers than cores only makes them wait for each other.
    maxWorkers: 2,
    projects: [
      // A machine that does a lot beside is slow, not wrong.
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [integration], testTimeout: 30_000 } },
      {
        test: { name: 'integration', include: [integration], testTimeout: 120_000, hookTimeout: 120_000 },
      },
    ],
  },
});
