import { BREAKER_CLOSED, type Breaker, moveBreaker } from '../core/rollout/breaker.ts';
import type { Notice } from '../core/rollout/event.ts';
import type { Dependencies } from './dependencies.ts';
import type { Loaded } from './load.ts';
import { commit, EMPTY_COMMIT } from './publish.ts';

/**
 * Opens or closes the breaker by what the store knows of all rollouts. The commit is fenced by the breaker's own
 * record, so of many replicas that see the same outage one tells people. A look that was lost is made up by the next.
 */
export async function mindBreaker(deps: Dependencies, before: Loaded<Breaker>): Promise<void> {
  const census = await deps.counts.census();
  if (census.kind !== 'ok') return;
  const now = before.body ?? BREAKER_CLOSED;
  const next = moveBreaker(now, census.value, deps.clock.now());
  if (next === null) return;
  const told = breakerNotice(now, next, census.value);
  const outcome = await commit(deps, {
    ...EMPTY_COMMIT,
    reads: [{ key: before.key, rev: before.rev }],
    writes: [{ key: before.key, body: next }],
    outbox: deps.notifier.targets().map((target) => ({ queue: `breaker~${target}`, notice: told })),
  });
  if (outcome.kind !== 'committed') return;
  const fields = { blind: census.value.blind, judged: census.value.judged };
  if (next.openSinceMs === null) deps.logger.info('rollouts have their evidence back', fields);
  else deps.logger.error('many rollouts lost their evidence at once; all of them hold', fields);
}

function breakerNotice(
  before: Breaker,
  { openSinceMs, closedAtMs }: Breaker,
  { judged, blind }: { readonly judged: number; readonly blind: number },
): Notice {
  const isOpen = openSinceMs !== null;
  const atMs = openSinceMs ?? closedAtMs ?? 0;
  const lastedMs = atMs - (before.openSinceMs ?? atMs);
  return {
    id: `breaker-${isOpen ? 'open' : 'closed'}-${atMs}`,
    ...{ rolloutId: '-', backend: '-', plan: '-', revision: '-', stable: null },
    kind: isOpen ? 'evidence_lost' : 'evidence_back',
    tone: isOpen ? 'bad' : 'good',
    title: isOpen
      ? `${blind} of ${judged} judged rollouts lost their evidence at once`
      : 'Rollouts have their evidence back',
    fields: isOpen
      ? [
          ['Until then', 'No rollout advances, and none goes back for want of evidence; failing canaries still do.'],
          ['To do', 'Look at Prometheus: is it up, and does it scrape the Envoys?'],
        ]
      : [['After', `${Math.round(lastedMs / 1_000)} s; every step is judged anew from here on.`]],
    atMs,
  };
}
