import { buildSnapshot } from '../../src/adapters/xds/snapshot.ts';
import { DEFAULT_LIMITS } from '../../src/adapters/xds/xds-limits.ts';
import type { BackendState } from '../../src/core/model/backend-state.ts';
import { isTerminal } from '../../src/core/model/phase.ts';
import type { BackendTraffic, FleetTable, Position } from '../../src/core/model/traffic.ts';
import { armsOf } from '../../src/core/rollout/arms.ts';
import { backendsOf, partOf, partsOf, wholeOf } from '../../src/core/rollout/joint.ts';
import { isQueued } from '../../src/core/rollout/queued.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { backendTraffic } from '../../src/core/traffic/backend-traffic.ts';
import { buildResources } from '../../src/core/traffic/build-resources.ts';
import { withTrial } from '../../src/core/traffic/with-trial.ts';
import type { Commit, RecordKey } from '../../src/engine/ports/store.ts';
import type { FakeStore, Happened } from '../support/fake-store.ts';
import { type Change, eventViolations, violations } from '../support/invariants.ts';
import type { Envoy } from './envoy.ts';
import type { SimHook } from './hook.ts';
import type { Replica } from './replica.ts';
import { MIN_REQUESTS, type Scenario } from './scenario.ts';
import { tellsSecret } from './secret.ts';
import { simCodec } from './sim-codec.ts';
import type { Sent } from './xds-side.ts';

/** Longest time between a look at the fleet and the commit that follows from it: two lost answers and a measurement. */
const LOOK_TO_COMMIT_MS = 12_000;
/** So long after a replica was cut off or stood still, others may have counted its Envoys out (lease and grace). */
const ODD_MS = 25_000;
/** The longest that a due rollout may wait while a replica and the store are well (I5). */
const ACT_WITHIN_MS = 10_000;

export interface CheckerOptions {
  readonly store: FakeStore;
  readonly scenario: Scenario;
  readonly nowMs: () => number;
  readonly storeNowMs: () => number;
  readonly envoys: () => readonly Envoy[];
  /** Requests that a cluster has answered at all Envoys, by the truth. */
  readonly requests: (cluster: string) => number;
  readonly servedBy: (envoyId: string) => Replica | null;
  readonly replicas: () => readonly Replica[];
  readonly hook: Pick<SimHook, 'opened'>;
  readonly wrong: (invariant: string, what: string) => void;
  readonly trace: (what: string) => void;
  /** A rollout has just turned back. */
  readonly turnedBack: (id: string) => void;
}

/** Checks every commit as it happens and every response as it is written, by the truth and not by what engines see. */
export class Checker {
  readonly #o: CheckerOptions;
  readonly #decided = new WeakMap<Commit, { readonly by: Change['by']; readonly replica: string }>();
  /** By position: the route table's version for everybody, and for the one who tries a change out. */
  readonly #tables = new Map<string, { readonly all: string; readonly probe: string | null; readonly tried: string }>();
  /** By stream: the newest fleet revision of which something was sent. */
  readonly #sent = new Map<string, Position>();
  /** By replica and canary: was its last measurement honest? */
  readonly #measured = new Map<string, boolean>();
  /** By rollout and canary: its requests when the present step began. */
  readonly #requestsBefore = new Map<string, number>();
  /** By Envoy: the newest fleet revision of which it was sent something, and how far behind that it was served since. */
  readonly #newest = new Map<string, Position & { behind: boolean }>();
  staleServes = 0;
  readonly notices: { readonly id: string; readonly queue: string }[] = [];
  /** Rollouts that a person has moved, and how. */
  readonly people = new Map<string, Set<Change['by']>>();
  readonly started = new Map<string, number>();
  /** By rollout: when it was last looked at. */
  readonly #touchedMs = new Map<string, number>();
  #wellSinceMs: number;
  storeDown = false;

  constructor(options: CheckerOptions) {
    this.#o = options;
    this.#wellSinceMs = options.nowMs();
    options.store.inside.watch((happened) => this.#committed(happened));
  }

  decided(commit: Commit, by: Change['by'], replica: string): void {
    this.#decided.set(commit, { by, replica });
  }

  measured(replica: string, clusters: readonly string[], honest: boolean): void {
    for (const cluster of clusters) this.#measured.set(`${replica} ${cluster}`, honest);
  }

  streamBegins(replica: string, nodeId: string): void {
    this.#sent.delete(`${replica} ${nodeId}`);
  }

  responseWritten(replica: string, nodeId: string, { response, snapshot, unansweredMs }: Sent) {
    const { epoch, n } = snapshot.position;
    if (unansweredMs !== null && unansweredMs < DEFAULT_LIMITS.stuckAfterMs) {
      this.#o.wrong('I12', `${replica} sent ${nodeId} ${response.type} twice within ${unansweredMs} ms, unanswered`);
    }
    const stream = `${replica} ${nodeId}`;
    const last = this.#sent.get(stream);
    const before = last?.epoch === epoch ? last.n : 0;
    if (n < before) this.#o.wrong('I7', `${replica} sent ${nodeId} revision ${n} after ${before}`);
    this.#sent.set(stream, { epoch, n: Math.max(n, before) });
    this.#noteStale(nodeId, snapshot.position);
    if (response.type !== 'route') return;
    const table = this.#tables.get(`${epoch} ${n}`);
    if (table === undefined)
      return this.#o.wrong('I7', `${replica} sent ${nodeId} revision ${n}, which no commit made`);
    const right = table.probe === nodeId ? table.tried : table.all;
    if (response.version !== right) {
      this.#o.wrong('I7', `${replica} sent ${nodeId} routes that are not those of revision ${n}`);
    }
  }

  /**
   * Is it served by a replica that has not read what another one told it before? Nothing in the protocol's answers of
   * today says so to that replica (docs/reliability.md, what the simulation has shown).
   */
  servedStale(nodeId: string): boolean {
    return this.#newest.get(nodeId)?.behind === true;
  }

  #noteStale(nodeId: string, { epoch, n }: Position): void {
    const known = this.#newest.get(nodeId);
    // Those of one epoch have an order; a new one begins when a store that lost commits was reconciled.
    const before = known?.epoch === epoch ? known : { n: 0, behind: false };
    const behind = n < before.n;
    if (behind && !before.behind) this.staleServes += 1;
    this.#newest.set(nodeId, { epoch, n: Math.max(n, before.n), behind });
  }

  storeClockJumped(): void {
    this.#wellSinceMs = this.#o.nowMs();
  }

  /** Called between events: is somebody acting on what is due? */
  look(): void {
    const { store, nowMs } = this.#o;
    const well = !this.storeDown && this.#o.replicas().some((r) => r.ready() && r.oddUntilMs() < nowMs());
    if (!well) this.#wellSinceMs = nowMs();
    for (const key of store.inside.keys('rollout/')) {
      const rollout = store.inside.record(key).body as Rollout;
      if (isTerminal(rollout.phase)) continue;
      const dueAtMs = store.inside.dueAtMs(`rollout/${rollout.id}`);
      if (dueAtMs === null) {
        this.#o.wrong('I5', `${rollout.id} is ${rollout.phase} and nothing is due`);
      } else if (this.#o.storeNowMs() - dueAtMs > ACT_WITHIN_MS) {
        const quietMs = nowMs() - Math.max(this.#touchedMs.get(rollout.id) ?? 0, this.#wellSinceMs);
        if (quietMs > ACT_WITHIN_MS) this.#o.wrong('I5', `${rollout.id} is due and nobody has acted for ${quietMs} ms`);
      }
    }
  }

  #committed({ commit, before, again }: Happened) {
    // It was looked at when it happened.
    if (again) return;
    for (const { subject } of commit.due) this.#touchedMs.set(subject.slice('rollout/'.length), this.#o.nowMs());
    if (commit.traffic.length + commit.trials.length > 0) this.#keepTable(this.#o.store.inside.table('edge'));
    for (const write of commit.writes.filter(({ key }) => key.startsWith('rollout/'))) {
      this.#written({ commit, before }, write);
    }
    const { by, replica } = this.#decided.get(commit) ?? { by: 'tick', replica: '' };
    const rollouts = commit.writes.flatMap(({ key, body }) => (key.startsWith('rollout/') ? [body as Rollout] : []));
    if (rollouts.length === 0) return;
    for (const one of rollouts) {
      this.#o.trace(`${replica} ${by}: ${short(one)}${commit.traffic.length > 0 ? ', traffic' : ''}`);
    }
    for (const { queue, notice } of commit.outbox) this.notices.push({ id: notice.id, queue });
    if (tellsSecret([rollouts, commit.events, commit.outbox]))
      this.#o.wrong('I17', `${rollouts[0]?.id} tells a secret`);
  }

  /** One rollout of a commit: a start may write those that give way as well. */
  #written({ commit, before }: Omit<Happened, 'again'>, write: Commit['writes'][number]) {
    const whole = write.body as Rollout;
    for (const backend of backendsOf(whole)) this.#writtenPart({ commit, before }, write.key, wholeOf(whole, backend));
    this.#together(whole);
  }

  /** What one of its backends has of a rollout; of most there is one. */
  #writtenPart({ commit, before }: Omit<Happened, 'again'>, key: RecordKey, after: Rollout) {
    const backendKey: RecordKey = `backend/${after.backend}`;
    const backendBefore = (before.get(backendKey)?.body ??
      this.#o.store.inside.record(backendKey).body) as BackendState;
    const backendAfter = this.#o.store.inside.record(backendKey).body as BackendState;
    const { by, replica } = this.#decided.get(commit) ?? { by: 'tick', replica: '' };
    const old = before.get(key);
    if (old === undefined || old.rev === 0) return this.#born(after, backendBefore, backendAfter);
    const rollout = wholeOf(old.body as Rollout, after.backend);
    if (by === 'reconcile') return this.#reconciled(rollout, after);
    if (by !== 'tick') this.people.set(after.id, (this.people.get(after.id) ?? new Set()).add(by));
    if (isReturning(after) && !isReturning(rollout)) this.#o.turnedBack(after.id);
    const change: Change = {
      before: { rollout, backend: backendBefore },
      after: { rollout: after, backend: backendAfter },
      // Of those who wait nothing is told: it is the owner's.
      traffic: isQueued(rollout) && backendBefore.rolloutId !== null ? null : trafficIn(commit, after.backend),
      unconfirmed: this.#unconfirmed(rollout, backendBefore, replica),
      by,
    };
    for (const wrong of [...violations(change), ...eventViolations(change, eventsOf(commit, after.id))]) {
      const [invariant = ''] = wrong.split(' ');
      this.#o.wrong(invariant, `${after.id} ${wrong.slice(invariant.length + 1)}`);
    }
    this.#evidence(rollout, after, by, replica);
    if (!isTerminal(after.phase) && this.#o.store.inside.dueAtMs(`rollout/${after.id}`) === null) {
      this.#o.wrong('I5', `${after.id} is ${after.phase} and nothing is due`);
    }
  }

  /** Whatever happens to backends that roll together, in no table do they differ. */
  #together(rollout: Rollout): void {
    if (rollout.joint === undefined) return;
    const { owners } = this.#o.store.inside.table('edge');
    const standings = backendsOf(rollout).map((backend) => {
      const state = this.#o.store.inside.record(`backend/${backend}`).body as BackendState;
      const value = owners.get(`backend/${backend}`)?.value;
      const { canary } = partOf(rollout, backend);
      const split = value?.kind === 'backend' ? value.split : [];
      const weight = split.find(({ cluster }) => cluster === canary.cluster)?.weight ?? 0;
      return `weight ${weight}, ${state.rolloutId === rollout.id ? 'owned' : 'free'}`;
    });
    if (new Set(standings).size > 1)
      this.#o.wrong('I8', `${rollout.id} has its backends apart: ${standings.join('; ')}`);
  }

  /** By people, after commits were lost: only what is over, and what goes back, may not be otherwise afterwards. */
  #reconciled(before: Rollout, after: Rollout): void {
    const wasOver = isTerminal(before.phase) || isReturning(before);
    if (wasOver && !isTerminal(after.phase) && after.phase !== before.phase) {
      this.#o.wrong('I3', `${after.id}: reconciling made ${before.phase} ${after.phase}`);
    }
  }

  #born(rollout: Rollout, before: BackendState, after: BackendState): void {
    const begins = `${rollout.id} ${rollout.backend}`;
    this.started.set(begins, (this.started.get(begins) ?? 0) + 1);
    if (isQueued(rollout)) {
      if (before.rolloutId === null) this.#o.wrong('F29', `${rollout.id} waits for nobody`);
      if (after.next !== rollout.id) this.#o.wrong('F29', `${rollout.id} waits, and nobody knows`);
      if (after.rolloutId === rollout.id) this.#o.wrong('I8', `${rollout.id} waits, and has its backend`);
      return;
    }
    if (before.rolloutId !== null)
      this.#o.wrong('I8', `${rollout.id} took ${rollout.backend} from ${before.rolloutId}`);
    if (after.rolloutId !== rollout.id) this.#o.wrong('I8', `${rollout.id} began without its backend`);
  }

  /** The numbers behind an advance: measured honestly by the replica that decided, and enough of them since the step. */
  #evidence(before: Rollout, after: Rollout, by: Change['by'], replica: string): void {
    const moved = after.step > before.step || (after.phase === 'promoting' && before.phase !== 'promoting');
    const { webhook } = before.spec.strategy.steps[before.step] ?? {};
    if (by === 'tick' && before.phase === 'stepping' && moved && webhook !== undefined) {
      const gate = `${before.id}-gate-${before.attempt}`;
      if (!this.#o.hook.opened(gate)) this.#o.wrong('F26', `${before.id} went on, and no hook had opened ${gate}`);
    }
    for (const { canary } of partsOf(before)) this.#evidenceOf(canary.cluster, { before, after, by, replica });
  }

  #evidenceOf(
    cluster: string,
    { before, after, by, replica }: { before: Rollout; after: Rollout; by: Change['by']; replica: string },
  ): void {
    const moved = after.step > before.step || (after.phase === 'promoting' && before.phase !== 'promoting');
    const { weight = 0 } = before.spec.strategy.steps[before.step] ?? {};
    const requests = this.#o.requests(cluster);
    const own = `${after.id} ${cluster}`;
    const since = requests - (this.#requestsBefore.get(own) ?? 0);
    if (after.attempt !== before.attempt) this.#requestsBefore.set(own, requests);
    if (by !== 'tick' || before.phase !== 'stepping' || !moved || weight === 0) return;
    const honest = this.#measured.get(`${replica} ${cluster}`);
    if (honest === undefined) this.#o.wrong('I9', `${after.id} went on without a measurement`);
    else if (!honest) this.#o.wrong('I9', `${after.id} went on by an answer that was no evidence`);
    // The default judge lets a step end as soon as nothing speaks against the canary; all requests only with evidence.
    else if (before.spec.judge.name === 'sequential' && after.phase !== 'promoting') return;
    else if (since < MIN_REQUESTS) this.#o.wrong('I9', `${after.id} went on after ${Math.round(since)} requests`);
    else if (this.#o.scenario.isBad(cluster)) this.#o.wrong('I9', `${after.id} went on although its canary fails`);
  }

  /** Counted Envoys that are there, have been for long enough to be known of, and do not have what was pushed. */
  #unconfirmed(rollout: Rollout, backend: BackendState, decidedBy: string): string[] {
    const { nowMs } = this.#o;
    const odd = (replica: Replica | null) => replica === null || nowMs() - replica.oddUntilMs() < ODD_MS;
    if (odd(this.#o.replicas().find(({ name }) => name === decidedBy) ?? null)) return [];
    const traffic = backendTraffic(backend, isTerminal(rollout.phase) ? null : rollout);
    const clusters = armsOf(rollout).map(({ canary }) => canary.cluster);
    const wanted = (own: string) => traffic.split.find(({ cluster }) => cluster === own)?.weight ?? 0;
    return (rollout.push?.counted.edge ?? []).filter((id) => {
      const envoy = this.#o.envoys().find((one) => one.id === id);
      if (envoy === undefined || !envoy.connected) return false;
      if (nowMs() - envoy.changedAtMs <= LOOK_TO_COMMIT_MS || odd(this.#o.servedBy(id))) return false;
      return clusters.some((own) => envoy.share(own) !== wanted(own));
    });
  }

  #keepTable(table: FleetTable): void {
    const routes = (of: FleetTable): string => {
      const built = buildResources(of);
      if (built.kind === 'error') {
        this.#o.wrong('I7', `a table that cannot be served was committed: ${built.errors[0]?.message}`);
        return '';
      }
      return buildSnapshot(built.value, of.position, 0, simCodec, null).route.version;
    };
    const all = routes(table);
    const tried = table.trial === null ? all : routes(withTrial(table, table.trial));
    this.#tables.set(`${table.position.epoch} ${table.position.n}`, { all, probe: table.trial?.probe ?? null, tried });
  }
}

function trafficIn(commit: Commit, backend: string): BackendTraffic | null {
  const own = `backend/${backend}`;
  const value =
    commit.traffic.find(({ owner }) => owner === own)?.value ??
    commit.trials.flatMap(({ trial }) => trial?.changes ?? []).find(([owner]) => owner === own)?.[1];
  return (value as BackendTraffic | null | undefined) ?? null;
}

function eventsOf({ events }: Commit, id: string): Commit['events'] {
  return events.filter(({ rolloutId }) => rolloutId === id);
}

function isReturning({ phase }: Rollout): boolean {
  return phase === 'rolling_back' || phase === 'aborting';
}

export function short({ id, backend, phase, step, paused, waitingFor, push }: Rollout): string {
  const live =
    push === null ? '' : push.probe !== null ? ', on trial' : push.liveAtMs === null ? ', not live' : ', live';
  return `${backend} ${id.slice(0, 6)} ${phase} step ${step}${live}${paused === null ? '' : ', paused'} (${waitingFor})`;
}
