import type { FleetMetrics } from './adapters/prometheus/fleet-metrics.ts';
import { createPrometheusSource } from './adapters/prometheus/prometheus-source.ts';
import { fail, ok, type Result } from './core/model/errors.ts';
import type { Logger } from './engine/ports/logger.ts';
import type { MetricsSource } from './engine/ports/metrics-source.ts';
import { type Config, loadConfig } from './platform/config.ts';
import { isHttpUrl } from './platform/config-grammar.ts';
import { createLogger } from './platform/logger.ts';
import type { Metrics } from './platform/metrics.ts';
import { createSystemClock, type SystemClock } from './platform/system-clock.ts';
import type { CliContext, FleetInPrometheus } from './surfaces/cli/command-context.ts';

/** Part of the composition root: where the evidence comes from. */

/** The Prometheus of the configuration; without one every answer is a gap. */
export function metricsSource(
  config: Config,
  clock: SystemClock,
  logger: Logger,
  meter: Pick<Metrics, 'query'>,
): MetricsSource {
  const { prometheus } = config;
  const fleets = config.fleets.flatMap(({ name, metrics }) => (metrics === null ? [] : [{ name, ...metrics }]));
  if (prometheus !== null) {
    const { url, bearerToken, timeoutMs } = prometheus;
    return createPrometheusSource({
      url,
      ...(bearerToken === null ? {} : { bearerToken }),
      timeoutMs,
      fleets,
      clock,
      logger,
      onQuery: meter.query,
    });
  }
  const gap = { kind: 'gap', gap: 'NO_DATA', detail: 'no Prometheus is configured' } as const;
  const none = async () => gap;
  return { counters: none, scalar: none, proxies: none, offsetMs: async () => 0, scrapeMs: () => null };
}

/** Nothing but where it is: userinfo and query may hold a secret. */
export function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}

/** For one query about a long time, ms. */
const PAST_TIMEOUT_MS = 30_000;

/** A Prometheus for one piece of work, without an engine. */
export const pastMetrics: CliContext['pastMetrics'] = async ({ url, ...how }) => {
  if (!isHttpUrl(url)) return fail('SERIN_REQUEST_INVALID', 'the Prometheus URL is no http or https URL', URL_HINT);
  const found = 'config' in how ? fleetsOf(how, url) : ok<Found>({ fleets: [{ name: 'the Envoys', ...shapeOf(how) }] });
  if (found.kind === 'error') return found;
  const { fleets, bearerToken } = found.value;
  const metrics = createPrometheusSource({
    ...{ url, fleets, timeoutMs: PAST_TIMEOUT_MS, clock: createSystemClock() },
    ...(bearerToken == null ? {} : { bearerToken }),
    logger: createLogger({ level: 'silent', to: process.stderr }),
  });
  return ok({ fleets: fleets.map(({ name }) => name), metrics });
};

const URL_HINT = { hint: 'Write it like http://127.0.0.1:9090.' };

interface Found {
  readonly fleets: readonly FleetMetrics[];
  readonly bearerToken?: string | null;
}

function shapeOf({ selector, nodeLabel, scrapeMs }: Extract<FleetInPrometheus, { nodeLabel: string }>) {
  return { selector, nodeLabel, scrapeIntervalMs: scrapeMs };
}

/** The token of the configuration goes to its own Prometheus and to nobody else. */
function fleetsOf(
  { config: path, fleets: wanted }: Extract<FleetInPrometheus, { config: string }>,
  url: string,
): Result<Found> {
  const loaded = loadConfig({ path, env: process.env, needRedis: false });
  if (loaded.kind === 'error') return loaded;
  const { fleets: all, prometheus } = loaded.value;
  const unknown = wanted.find((name) => !all.some((fleet) => fleet.name === name));
  if (unknown !== undefined) return fail('SERIN_REQUEST_INVALID', `there is no fleet ${unknown} in ${path}`);
  const fleets = all.flatMap(({ name, metrics }) =>
    metrics === null || (wanted.length > 0 && !wanted.includes(name)) ? [] : [{ name, ...metrics }],
  );
  if (fleets.length === 0) {
    return fail('SERIN_CONFIG_INVALID', `${path} does not say how its fleets are found in Prometheus`, {
      hint: 'Give it prometheus.url and fleets[].metrics.',
    });
  }
  const own = prometheus !== null && withoutSecrets(prometheus.url) === withoutSecrets(url);
  return ok({ fleets, bearerToken: own ? prometheus.bearerToken : null });
}
