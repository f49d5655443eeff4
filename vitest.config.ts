import { defineConfig } from 'vitest/config';

const integration = 'test/**/*.integration.test.ts';

export default defineConfig({
  test: {
    // Real servers run beside the tests; more workers than cores only makes them wait for each other.
    maxWorkers: 2,
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [integration] } },
      {
        test: { name: 'integration', include: [integration], testTimeout: 60_000, hookTimeout: 60_000 },
      },
    ],
  },
});
