import { createRedisStore } from '../../../src/adapters/store/redis-store.ts';
import { backendKey, rolloutKey } from '../../../src/engine/load.ts';
import { EMPTY_COMMIT } from '../../../src/engine/publish.ts';
import { quiet } from '../../../test/support/quiet-logger.ts';
import { percentile } from '../percentile.ts';
import { steppingRollout } from '../scale/scene.ts';

/**
 * One client of `bench:commits`: reads a rollout, changes it, commits, again and again.
 * `tsx client.ts <port> <from> <until>` (epoch ms); prints what became of the commits in between.
 */
const [port, fromMs, untilMs] = process.argv.slice(2).map(Number) as [number, number, number];
const ROLLOUTS = 64;
const AT_ONCE = 16;

const store = createRedisStore({ connection: { url: `redis://127.0.0.1:${port}` }, deadlineMs: 10_000, logger: quiet });
// As a replica does, which keeps what all of them commit.
const tail = await store.tail.follow();
const counts = { committed: 0, conflicts: 0 };
const tookMs: number[] = [];

async function tick(i: number): Promise<void> {
  const rollout = steppingRollout(i, 0, 0.5, Date.now());
  const keys = [rolloutKey(rollout.id), backendKey(rollout.backend)];
  const read = await store.records.read(keys);
  if (read.kind !== 'ok') throw new Error(`not read: ${JSON.stringify(read)}`);
  const startMs = performance.now();
  const outcome = await store.records.commit({
    ...EMPTY_COMMIT,
    reads: read.value.map(({ key, rev }) => ({ key, rev })),
    writes: [{ key: rolloutKey(rollout.id), body: rollout }],
    events: [
      {
        rolloutId: rollout.id,
        type: 'verdict',
        atMs: rollout.updatedAtMs,
        by: 'serin',
        phase: rollout.phase,
        step: rollout.step,
        message: 'error-rate: pass (OK)',
        data: {},
      },
    ],
    due: [{ subject: `rollout/${rollout.id}`, atMs: rollout.updatedAtMs + 15_000 }],
  });
  if (outcome.kind === 'unavailable') throw new Error(`not committed: ${outcome.detail}`);
  if (Date.now() < fromMs) return;
  counts[outcome.kind === 'committed' ? 'committed' : 'conflicts'] += 1;
  tookMs.push(performance.now() - startMs);
}

async function work(hand: number): Promise<void> {
  for (let i = hand; Date.now() < untilMs; i += 1) await tick((i * 29 + hand) % ROLLOUTS);
}

await Promise.all(Array.from({ length: AT_ONCE }, (_, hand) => work(hand)));
await tail.stop();
store.close();
const round = (value: number): number => Math.round(value * 100) / 100;
const times = { p50Ms: round(percentile(tookMs, 0.5)), p99Ms: round(percentile(tookMs, 0.99)) };
console.log(JSON.stringify({ ...counts, ...times }));
