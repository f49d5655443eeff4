import type { StrategyLibrary } from '../../core/manifest/strategy-library.ts';
import { parseDuration } from '../../core/model/duration.ts';
import { fail, type Result, type SerinError } from '../../core/model/errors.ts';
import type { ReadRawEnvoy } from '../../core/model/raw-envoy.ts';
import type { Role } from '../../core/model/roles.ts';
import type { EnvoyResources } from '../../core/traffic/envoy-resources.ts';
import type { ResourcesJson } from '../../core/traffic/static-bootstrap.ts';
import type { PastMetrics } from '../../engine/ports/past-metrics.ts';
import type { StoreArchive } from '../../engine/ports/store-archive.ts';
import type { Client } from '../api/client.ts';
import type { Stream, Terminal } from './terminal.ts';

/** Every command writes the first two; the others, those that say so. */
export const OUTPUTS = ['table', 'json', 'yaml', 'text'] as const;
export type Output = (typeof OUTPUTS)[number];

export interface EngineOptions {
  readonly mode: 'dev' | 'serve';
  readonly config: string | null;
  readonly dataDir: string;
  /** `null`: as the configuration says. */
  readonly roles: readonly Role[] | null;
}

/** Which store: that of the configuration, else the one in this folder. */
export interface StoreOptions {
  readonly config: string | null;
  readonly dataDir: string;
}

/** How the Envoys of one fleet are found, or in which configuration that stands; no fleets named: all of it. */
export type FleetInPrometheus =
  | { readonly config: string; readonly fleets: readonly string[] }
  | {
      readonly selector: Readonly<Record<string, string>>;
      readonly nodeLabel: string;
      readonly scrapeMs: number;
    };

/** What the CLI needs from its process. */
export interface CliContext {
  readonly out: Stream;
  readonly err: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly readStdin: () => string;
  /** Asks whoever sits at the terminal, who may end it (`null`). `null`: standard input is none. */
  readonly ask: ((question: string) => Promise<string | null>) | null;
  readonly interrupted: AbortSignal;
  readonly strategies: () => StrategyLibrary;
  /** Runs the engine until it is stopped; resolves with the exit code. */
  readonly runEngine: (options: EngineOptions) => Promise<Result<number>>;
  /** Opens the store for one piece of work, without an engine. */
  readonly withStore: <T>(
    options: StoreOptions,
    work: (archive: StoreArchive) => Promise<Result<T>>,
  ) => Promise<Result<T>>;
  /** A Prometheus that is asked without an engine. */
  readonly pastMetrics: (
    options: FleetInPrometheus & { readonly url: string },
  ) => Promise<Result<{ readonly fleets: readonly string[]; readonly metrics: PastMetrics }>>;
  readonly readToken: (file: string) => string;
  /** Makes what writes resources in Envoy's own JSON; that takes a moment. */
  readonly envoyJson: () => (resources: EnvoyResources) => ResourcesJson;
  /** What documents say in Envoy's own words. */
  readonly readRawEnvoy: ReadRawEnvoy;
  /** Whether an Envoy of this machine takes a bootstrap; `refusal`: its reason, or `null`. */
  readonly askEnvoy: (
    bootstrap: object,
    how: { readonly binary: string | null; readonly signal: AbortSignal },
  ) => Promise<Result<{ readonly refusal: string | null }>>;
}

export interface CommandContext {
  readonly cli: CliContext;
  readonly terminal: Terminal;
  readonly client: () => Client;
  /** Of another replica than the one of `--server`, with the same token. */
  readonly clientAt: (server: string) => Client;
  readonly json: () => boolean;
  /** What goes to stdout, as `-o` says. */
  readonly output: () => Output;
  /** Prints the errors and gives their exit code. */
  readonly failed: (errors: readonly SerinError[]) => number;
}

export type Run = (work: () => Promise<number>) => () => Promise<void>;

/** A duration option; `null` when it was not given. */
export function durationOption(value: string | undefined): Result<number | null> {
  if (value === undefined) return { kind: 'ok', value: null };
  const ms = parseDuration(value);
  return ms === null
    ? fail('SERIN_REQUEST_INVALID', `"${value}" is no duration`, { hint: 'Write it like 30s or 1h30m.' })
    : { kind: 'ok', value: ms };
}
