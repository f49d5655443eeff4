import type { StrategyLibrary } from '../../core/manifest/strategy-library.ts';
import { parseDuration } from '../../core/model/duration.ts';
import { fail, type Result, type SerinError } from '../../core/model/errors.ts';
import type { Role } from '../../core/model/roles.ts';
import type { StoreArchive } from '../../engine/ports/store-archive.ts';
import type { Client } from '../api/client.ts';
import type { Stream, Terminal } from './terminal.ts';

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

/** What the CLI needs from its process. */
export interface CliContext {
  readonly out: Stream;
  readonly err: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly readStdin: () => string;
  readonly interrupted: AbortSignal;
  readonly strategies: () => StrategyLibrary;
  /** Runs the engine until it is stopped; resolves with the exit code. */
  readonly runEngine: (options: EngineOptions) => Promise<Result<number>>;
  /** Opens the store for one piece of work, without an engine. */
  readonly withStore: <T>(
    options: StoreOptions,
    work: (archive: StoreArchive) => Promise<Result<T>>,
  ) => Promise<Result<T>>;
  readonly readToken: (file: string) => string;
}

export interface CommandContext {
  readonly cli: CliContext;
  readonly terminal: Terminal;
  readonly client: () => Client;
  readonly json: () => boolean;
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
