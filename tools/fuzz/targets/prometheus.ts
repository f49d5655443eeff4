import { createPrometheusSource } from '../../../src/adapters/prometheus/prometheus-source.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { quiet } from '../../../test/support/quiet-logger.ts';
import type { OpenTarget } from '../target.ts';
import { asHttp, rawAnswers } from './raw-answers.ts';

const FAMILIES = ['upstream_rq_completed', 'upstream_rq_xx', 'upstream_rq_time_bucket'] as const;

/** Whatever Prometheus, or what sits at its address, answers: a number, series, or a gap with its reason. */
const open: OpenTarget = async () => {
  const server = await rawAnswers();
  const clock = createSystemClock();
  const source = createPrometheusSource({
    url: `http://127.0.0.1:${server.port}`,
    timeoutMs: 300,
    fleets: [{ name: 'edge', selector: { job: 'envoy' }, nodeLabel: 'instance', scrapeIntervalMs: 1_000 }],
    clock,
    logger: quiet,
  });
  return {
    async run(input) {
      const body = input.subarray(1);
      // Most are a body; some replace the whole answer.
      server.say((input[0] ?? 0) % 4 === 3 ? body : asHttp(body, 'application/json'));
      const toMs = clock.now();
      const scalar = await source.scalar({ query: 'up', atMs: toMs });
      if (scalar.kind === 'ok' && !Number.isFinite(scalar.value)) return `took ${scalar.value} for a number`;
      const clusters = ['shop--v1', 'shop--v2'];
      const asked = { fleet: 'edge', clusters, families: FAMILIES, fromMs: toMs - 10_000, toMs };
      const counters = await source.counters(asked);
      if (counters.kind === 'ok') {
        const values = counters.series.flatMap(({ points }) => points.map(([, value]) => value));
        if (!values.every((value) => Number.isFinite(value))) return 'took a counter for a number that is none';
      }
      await source.proxies('edge');
      return null;
    },
    close: async () => server.close(),
  };
};
export default open;
