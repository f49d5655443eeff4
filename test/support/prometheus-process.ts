import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binaryPath } from './binaries.ts';
import { answers, freePort, type RunningProcess, startProcess } from './processes.ts';

export interface ScrapeTarget {
  readonly job: string;
  /** `host:port` */
  readonly address: string;
  /** @default /metrics */
  readonly path?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PrometheusProcess {
  readonly url: string;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A real Prometheus that scrapes the targets, by default every second. `past`: OpenMetrics that it has already. */
export async function startPrometheus(
  targets: readonly ScrapeTarget[],
  scrapeInterval = '1s',
  past: string | null = null,
): Promise<PrometheusProcess> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'serin-prometheus-'));
  const jobs = targets.map((target, i) => ({
    job_name: `${target.job}-${i}`,
    metrics_path: target.path ?? '/metrics',
    static_configs: [{ targets: [target.address], labels: { job: target.job, ...target.labels } }],
  }));
  // JSON is YAML.
  const config = { global: { scrape_interval: scrapeInterval, scrape_timeout: scrapeInterval }, scrape_configs: jobs };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  if (past !== null) {
    await writeFile(join(folder, 'past.txt'), past);
    const args = ['tsdb', 'create-blocks-from', 'openmetrics', '-q', join(folder, 'past.txt'), join(folder, 'data')];
    await promisify(execFile)(binaryPath('promtool'), args);
  }
  const start = (): Promise<RunningProcess> =>
    startProcess({
      command: binaryPath('prometheus'),
      args: [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      ready: () => answers(`http://127.0.0.1:${port}/-/ready`),
    });
  let running = await start();
  return {
    url: `http://127.0.0.1:${port}`,
    signal: (signal) => running.signal(signal),
    kill: () => running.kill(),
    restart: async () => {
      await running.kill();
      running = await start();
    },
    close: async () => {
      await running.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
