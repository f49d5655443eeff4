import type { Result, SerinError } from '../../core/model/errors.ts';
import type { Client } from '../api/client.ts';
import type { RolloutBody } from '../api/schemas.ts';
import { EXIT, exitOfErrors, exitOfPhase } from './exit.ts';
import { ended, rolloutLines } from './render.ts';
import type { Terminal } from './terminal.ts';

export interface WatchOptions {
  readonly client: Client;
  readonly terminal: Terminal;
  readonly id: string;
  /** It is there, the engine has said so; else an engine that is away at the first look ends the command. */
  readonly known: boolean;
  /** `null`: for as long as it takes. */
  readonly timeoutMs: number | null;
  /** `json`: one line per change on stdout, or only the last one. */
  readonly json: 'none' | 'every' | 'last';
  readonly quiet: boolean;
  readonly interrupted: AbortSignal;
}

/** An engine that is away is asked again for so long: a deploy should survive its restart. */
const UNREACHABLE_FOR_MS = 60_000;
const ASK_FOR_MS = 10_000;

/** Follows a rollout to its end; the exit code tells how it ended. Leaving does not touch the rollout. */
export async function watchRollout(options: WatchOptions): Promise<number> {
  const { client, terminal, id, known, timeoutMs, json, quiet, interrupted } = options;
  const startMs = performance.now();
  let lastSeenMs = startMs;
  let rev = -1;
  let last: RolloutBody | null = null;
  const leave = stopped(interrupted);
  for (;;) {
    const leftMs = timeoutMs === null ? ASK_FOR_MS : timeoutMs - (performance.now() - startMs);
    if (leftMs <= 0) {
      if (json === 'last' && last !== null) terminal.json(last);
      terminal.errors([{ code: 'SERIN_TIMEOUT', message: `rollout ${id} is still ${last?.phase ?? 'going on'}` }]);
      return EXIT.timedOut;
    }
    const asked = await Promise.race([
      ask(client, id, rev, Math.max(1, Math.min(ASK_FOR_MS, Math.floor(leftMs)))),
      leave,
    ]);
    if (asked === 'interrupted') {
      terminal.err(`stopped watching; rollout ${id} goes on`);
      return EXIT.interrupted;
    }
    if (asked.kind === 'error') {
      if (!isAway(asked.errors) || (rev < 0 && !known) || performance.now() - lastSeenMs > UNREACHABLE_FOR_MS) {
        terminal.errors(asked.errors);
        return exitOfErrors(asked.errors);
      }
      await pause(500, interrupted);
      continue;
    }
    lastSeenMs = performance.now();
    const rollout = asked.value;
    const news = rollout.rev !== rev;
    rev = rollout.rev;
    last = rollout;
    if (news && json === 'every') terminal.json(rollout);
    if (news && !quiet) terminal.live(rolloutLines(rollout, terminal.paint), ended(rollout));
    if (ended(rollout)) {
      if (json === 'last') terminal.json(rollout);
      return exitOfPhase(rollout.phase);
    }
  }
}

/** Nobody answered, or nobody could, or the replica that did is older than another one. */
const AWAY: ReadonlySet<string> = new Set(['SERIN_UNREACHABLE', 'SERIN_STORE_UNAVAILABLE', 'SERIN_SCHEMA_NEWER']);

/** Asking again may help. */
export function isAway([first]: readonly SerinError[]): boolean {
  return first !== undefined && AWAY.has(first.code);
}

/** Resolves after `ms`, or at once when the signal comes. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}

function ask(client: Client, id: string, rev: number, waitMs: number): Promise<Result<RolloutBody>> {
  return rev < 0 ? client.rollout(id) : client.rolloutAfter(id, rev, waitMs);
}

function stopped(signal: AbortSignal): Promise<'interrupted'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('interrupted');
    else signal.addEventListener('abort', () => resolve('interrupted'), { once: true });
  });
}
