import type { BackendState } from '../../src/core/model/backend-state.ts';
import type { LaggardPolicy } from '../../src/core/model/documents.ts';
import { isTerminal } from '../../src/core/model/phase.ts';
import type { BackendTraffic, FleetTable } from '../../src/core/model/traffic.ts';
import type { RolloutCommand } from '../../src/core/rollout/command.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { commandRollout } from '../../src/engine/command-rollout.ts';
import type { Commit, RecordStore } from '../../src/engine/ports/store.ts';
import { transitionCommit } from '../../src/engine/publish.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { type Change, violations } from '../support/invariants.ts';
import { backendState, planSpec, planStep, revision, rollout } from '../support/rollouts.ts';
import { fakeEnvoys } from './fake-envoys.ts';
import { seeded } from './random.ts';
import { type Replica, type Surroundings, startReplica } from './replica.ts';

export interface Played {
  readonly seed: number;
  readonly broken: readonly string[];
  readonly phases: readonly string[];
  readonly crashes: number;
  readonly commits: number;
}

const ROLLOUTS = ['r1', 'r2'] as const;
/** Longest time between a look at the fleet and the commit that follows from it: one slow measurement. */
const LOOK_TO_COMMIT_MS = 400;
const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const;

/** One schedule of everything that can go wrong, then ten quiet minutes in which every rollout has to end. */
export async function play(seed: number): Promise<Played> {
  const random = seeded(seed);
  const clock = fakeClock();
  const store = fakeStore(clock);
  const broken: string[] = [];
  const envoys = await fakeEnvoys(
    ['a', 'b', 'c'],
    store.traffic,
    clock,
    random,
    (table) => refused && takesCanary(table),
  );
  let by: Change['by'] = 'tick';
  let crashes = 0;
  let metricsUp = true;
  let receiverUp = true;
  let storm = true;
  let healthy = random.chance(0.6);
  /** Envoys refuse every table in which the first rollout's canary takes requests. */
  const refused = random.chance(0.15);
  /** Rollouts that nobody and nothing gave a reason to end otherwise than promoted. */
  const hopeful = new Set<string>(healthy && !refused ? ROLLOUTS : []);
  const deliveries = new Set<string>();
  const sent = new Set<string>();

  const records: RecordStore = {
    ...store.records,
    commit: async (commit) => {
      const watched = await watch(store.records, commit);
      const n = await ownersAt(store.traffic.table);
      const outcome = await store.records.commit(commit);
      // Looked at in the store itself: a commit whose reply was lost has happened all the same.
      const after = watched === null ? null : await current(store.records, watched.rollout.id);
      if (watched !== null && after !== null && after.rev === watched.rev + 1) {
        for (const { notice } of commit.outbox) sent.add(notice.id);
        const owner = `backend/${watched.rollout.backend}`;
        const position = n.get(owner) ?? 0;
        const counted = watched.rollout.push?.counted.edge ?? [];
        // One that has come back since the engine looked at the fleet is nothing the engine could know of.
        const there = (id: string) => envoys.connected(id) && clock.now() - envoys.changedAtMs(id) > LOOK_TO_COMMIT_MS;
        const unconfirmed = counted.filter((id) => there(id) && (envoys.applied(id)?.n ?? 0) < position);
        broken.push(...violations({ ...changeOf(commit, watched, by), unconfirmed }).map((v) => `seed ${seed}: ${v}`));
      }
      return outcome;
    },
  };
  const surroundings: Surroundings = {
    clock,
    store,
    records,
    envoys,
    random,
    verdict: () => (random.chance(0.3) ? 'inconclusive' : healthy ? 'pass' : random.chance(0.3) ? 'fail' : 'pass'),
    metricsUp: () => metricsUp,
    receiverUp: () => receiverUp,
    delivered: (id) => deliveries.add(id),
    crashChance: () => (storm ? 0.01 : 0),
  };
  for (const id of ROLLOUTS) {
    await seedRollout(records, id, clock.now(), random.between(0, 3), random.pick(['hold', 'hold', 'exclude']));
  }
  const replicas: Replica[] = [await startReplica(surroundings), await startReplica(surroundings)];

  for (let i = 0; i < 40; i += 1) {
    await clock.advance(random.between(50, 8_000));
    await happen();
    await revive();
  }
  // Quiet: everything is back, nobody dies, nobody interferes.
  storm = false;
  metricsUp = true;
  // The receiver comes back last: what was said while it was away has to wait for it.
  receiverUp = random.chance(0.5);
  healthy = true;
  store.faults.setDown(false);
  for (const id of ['a', 'b', 'c']) if (!envoys.connected(id)) envoys.connect(id);
  await revive();
  for (const id of ROLLOUTS) await person(id, { type: 'resume' });
  for (const id of ROLLOUTS) await approveOpenGate(id);
  const phases: string[] = [];
  for (let minutes = 0; minutes < 20; minutes += 1) {
    await clock.advance(60_000);
    for (const id of ROLLOUTS) await approveOpenGate(id);
  }
  for (const id of ROLLOUTS) phases.push((await current(store.records, id))?.rollout.phase ?? 'gone');
  for (const phase of phases)
    if (!isTerminal(phase as Rollout['phase'])) broken.push(`seed ${seed}: ended in ${phase}`);
  for (const [i, id] of ROLLOUTS.entries())
    if (hopeful.has(id) && phases[i] !== 'promoted') broken.push(`seed ${seed}: healthy, but ended in ${phases[i]}`);
  if (refused && phases[0] === 'promoted') broken.push(`seed ${seed}: promoted what no Envoy took`);
  receiverUp = true;
  await clock.advance(1_800_000);
  for (const id of sent) if (!deliveries.has(id)) broken.push(`seed ${seed}: I6 message ${id} was lost`);
  for (const replica of replicas) replica.crash();
  return { seed, broken, phases, crashes, commits: store.commits() };

  async function happen(): Promise<void> {
    const id = random.pick(ROLLOUTS);
    const envoy = random.pick(['a', 'b', 'c']);
    switch (
      random.pick(['envoy', 'envoy', 'store', 'commit', 'metrics', 'receiver', 'person', 'crash', 'nothing', 'nothing'])
    ) {
      case 'envoy':
        return envoys.connected(envoy) ? envoys.disconnect(envoy) : envoys.connect(envoy);
      case 'store':
        return store.faults.setDown(random.chance(0.4));
      case 'commit':
        return store.faults.failNextCommit(random.pick(['conflict', 'unavailable', 'reply lost']));
      case 'metrics':
        metricsUp = random.chance(0.6);
        return;
      case 'receiver':
        receiverUp = random.chance(0.6);
        return;
      case 'crash':
        random.pick([replicas[0], replicas[1]])?.crash();
        return;
      case 'person':
        return person(id, await somethingToSay(id));
    }
  }

  async function revive(): Promise<void> {
    for (let i = 0; i < replicas.length; i += 1) {
      if (replicas[i]?.alive()) continue;
      crashes += 1;
      replicas[i] = await startReplica(surroundings);
    }
  }

  async function somethingToSay(id: string): Promise<RolloutCommand> {
    const seen = await current(store.records, id);
    return random.pick<RolloutCommand>([
      { type: 'pause', reason: 'look at it' },
      { type: 'resume' },
      { type: 'resume' },
      { type: 'promote' },
      { type: 'abort', reason: 'enough' },
      { type: 'approve', gate: { step: seen?.rollout.step ?? 0, attempt: seen?.rollout.attempt ?? 0 } },
    ]);
  }

  async function person(id: string, command: RolloutCommand): Promise<void> {
    const deps = replicas.find((replica) => replica.alive())?.deps;
    if (deps === undefined) return;
    if (command.type === 'abort') hopeful.delete(id);
    // The label of the change is the command's while its commit runs; ports of a dead replica never answer.
    by = command.type;
    await Promise.race([
      commandRollout(
        { ...deps, records: { ...records, time: deps.records.time } },
        { id, command, rev: null, by: 'someone' },
      ),
      clock.settle(),
    ]);
    by = 'tick';
  }

  async function approveOpenGate(id: string): Promise<void> {
    const seen = await current(store.records, id);
    if (seen === null) return;
    const { step, attempt, phase, paused } = seen.rollout;
    if (phase === 'stepping') await person(id, { type: 'approve', gate: { step, attempt } });
    // The first word may have been lost with the last outage.
    if (paused !== null) await person(id, { type: 'resume' });
  }
}

const TESTERS = [{ headers: [{ name: 'x-tester', type: 'Present' as const }] }];

async function seedRollout(
  records: RecordStore,
  id: string,
  nowMs: number,
  extraSteps: number,
  onLaggard: LaggardPolicy,
): Promise<void> {
  const backend = `shop-${id}`;
  const steps = [
    planStep({ name: 'testers', weight: 0, matches: TESTERS, approve: extraSteps === 2 }),
    planStep({ name: 'one', weight: 100 }),
    ...Array.from({ length: extraSteps }, (_, i) =>
      planStep({ name: `more-${i}`, weight: 1_000 * (i + 1), holdMs: 3_000 }),
    ),
  ];
  const spec = planSpec({
    backend,
    strategy: { name: 'any', steps },
    analysis: [errorRate],
    deadlineMs: 900_000,
    onLaggard,
  });
  const [stable, canary] = [revision('v1', backend), revision('v2', backend)];
  const record = rollout({
    id,
    spec,
    backend,
    stable,
    canary,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    deadlineAtMs: nowMs + spec.deadlineMs,
  });
  await records.commit(
    transitionCommit(
      {
        rollout: record,
        backend: backendState({ backend, stable, rolloutId: id }),
        traffic: true,
        events: [],
        notices: [],
        confirmedAfterMs: [],
        dueAtMs: nowMs,
      },
      { rollout: 0, backend: 0 },
      true,
    ),
  );
}

/** Does a canary of the first rollout get any request? */
function takesCanary(table: FleetTable): boolean {
  const traffic = table.owners.get(`backend/shop-${ROLLOUTS[0]}`)?.value;
  if (traffic?.kind !== 'backend') return false;
  const canary = revision('v2', `shop-${ROLLOUTS[0]}`).cluster;
  return traffic.split.some(({ cluster, weight }) => cluster === canary && weight > 0);
}

interface Watched {
  readonly rev: number;
  readonly rollout: Rollout;
  readonly backend: BackendState;
}

/** State of the rollout that a commit is about to change; `null` when it changes none or creates it. */
async function watch(records: RecordStore, commit: Commit): Promise<Watched | null> {
  const key = commit.writes.map((write) => write.key).find((written) => written.startsWith('rollout/'));
  return key === undefined ? null : current(records, key.slice('rollout/'.length));
}

async function current(records: RecordStore, id: string): Promise<Watched | null> {
  const read = await records.read([`rollout/${id}`, `backend/shop-${id}`]);
  if (read.kind !== 'ok') return null;
  const [record, backend] = read.value;
  if (record === undefined || record.rev === 0 || backend === undefined) return null;
  return { rev: record.rev, rollout: record.body as Rollout, backend: backend.body as BackendState };
}

async function ownersAt(
  table: (fleet: string) => ReturnType<Surroundings['store']['traffic']['table']>,
): Promise<Map<string, number>> {
  const read = await table('edge');
  return new Map(read.kind === 'ok' ? [...read.value.owners].map(([owner, { n }]) => [owner, n]) : []);
}

function changeOf(commit: Commit, before: Watched, by: Change['by']): Omit<Change, 'unconfirmed'> {
  const after = (prefix: string) => commit.writes.find(({ key }) => key.startsWith(prefix))?.body;
  return {
    before,
    after: {
      rollout: after('rollout/') as Rollout,
      backend: (after('backend/') as BackendState | undefined) ?? before.backend,
    },
    traffic:
      ((commit.traffic[0]?.value ?? commit.trials[0]?.trial?.changes[0]?.[1]) as BackendTraffic | undefined) ?? null,
    by,
  };
}
