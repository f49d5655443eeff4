import { createHash } from 'node:crypto';
import { fail, type Result, type SerinError } from '../core/model/errors.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Dependencies } from './dependencies.ts';
import type { Started } from './engine.ts';
import { type Held, loadRollout } from './load.ts';

export interface Begin {
  readonly idempotencyKey: string | null;
  /** Once, on what is stored now; `again`: somebody else was faster. */
  attempt(id: string): Promise<Result<Started> | 'again'>;
  /** What is said of the rollout that an earlier call with this key began. */
  repeated(existing: Held<Rollout>): Promise<Result<Started>> | Result<Started>;
  /** What is said when others were faster each time. */
  readonly lost: string;
}

const MAX_RACES = 5;

/**
 * Begins a rollout. Its id is made from the idempotency key where there is one, so a repeated call finds the first
 * rollout for as long as its record is kept, under concurrent calls too (I14). One that is refused looks again before
 * it says so: a call with its key that was faster may be the very reason.
 */
export async function beginOnce(
  deps: Dependencies,
  { idempotencyKey, attempt, repeated, lost }: Begin,
): Promise<Result<Started>> {
  const id = idempotencyKey === null ? deps.newId() : idFromKey(idempotencyKey);
  let refused: Result<Started> | null = null;
  for (let race = 0; race < MAX_RACES; race += 1) {
    const existing = await loadRollout(deps.records, id);
    if (existing.kind === 'error') return existing;
    const { key, rev, body } = existing.value;
    if (body !== null) return repeated({ key, rev, body });
    if (refused !== null) return refused;
    const outcome = await attempt(id);
    if (outcome === 'again') continue;
    if (outcome.kind === 'ok' || idempotencyKey === null || storeIsAway(outcome.errors)) return outcome;
    refused = outcome;
  }
  return refused ?? fail('SERIN_CONFLICT', lost);
}

function storeIsAway(errors: readonly SerinError[]): boolean {
  return errors.some(({ code }) => code === 'SERIN_STORE_UNAVAILABLE');
}

/** Of the rollout that is, or will be, begun with this key. */
export function idFromKey(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 26);
}
