import type { AuditEntry } from '../core/model/audit.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { hasReached } from '../core/model/position.ts';
import { didYouMean } from '../core/model/suggest.ts';
import type { BackendTraffic, FleetTable, Position } from '../core/model/traffic.ts';
import { withEmergencies } from '../core/traffic/with-emergencies.ts';
import type { Dependencies } from './dependencies.ts';
import { confirmations, type EmergencyFleet, type Told, whenConfirmed } from './emergency-report.ts';
import { loadBackend } from './load.ts';
import type { Timer } from './ports/clock.ts';
import type { EmergencyDecision, EmergencyJournal, JournalLine, Written } from './ports/emergency-journal.ts';
import type { AuditLog } from './ports/store.ts';
import { settleEmergency } from './settle-emergency.ts';

export interface EmergencyRequest {
  readonly backend: string;
  readonly reason: string;
  readonly by: string;
  /** Also while the store takes commits: the Envoys of this replica do not wait for it. */
  readonly force: boolean;
}

export interface OpenEmergency {
  readonly decision: EmergencyDecision;
  /** Does the decision survive this process? */
  readonly journal: Written;
  /** Why only a person may end it; `null`: it ends by itself once the store has it. */
  readonly held: string | null;
}

export interface EmergencyReport extends OpenEmergency {
  readonly fleets: readonly EmergencyFleet[];
}

/** What one replica can do about its own Envoys while nothing can be committed. */
export interface EmergencyDesk {
  /** Sends all requests of a backend to its stable revision, on every Envoy that is connected here, at once. */
  stable(request: EmergencyRequest): Promise<Result<EmergencyReport>>;
  /** Ends one that is held. */
  end(request: { readonly backend: string; readonly by: string }): Promise<Result<OpenEmergency>>;
  open(): readonly OpenEmergency[];
}

export interface Emergencies extends EmergencyDesk {
  /** The table as this replica's Envoys are to have it. */
  overlay(table: FleetTable): FleetTable;
  /** Reads the journal: before any Envoy is told anything. */
  start(): Promise<void>;
  stop(): void;
}

export interface EmergencyOptions extends Told {
  readonly deps: Dependencies;
  readonly journal: EmergencyJournal;
  readonly audit: AuditLog;
  /** Is it known that nothing can be committed now? */
  readonly storeAway: () => boolean;
  readonly republish: () => void;
}

/** Between two looks at what is still to be written down. */
const LOOK_MS = 1_000;
/** A disk that hangs must not keep Envoys on a canary. */
const JOURNAL_MS = 1_000;
const CONFIRM_MS = 5_000;

interface Held {
  decision: EmergencyDecision;
  journal: Written;
  held: string | null;
  /** Is the store's audit log told that it was asked for? */
  asked: boolean;
  releasedAt: Readonly<Record<string, Position>>;
  outcome: string | null;
}

/**
 * Decisions of people that the store could not take (fault F5). Safe without anybody else's consent, since they only ever
 * send requests to what is stable; kept until the store has them, so that no table from before undoes them.
 */
export function createEmergencies(options: EmergencyOptions): Emergencies {
  const { deps, journal, audit, storeAway, republish } = options;
  const { clock, logger, fleetNames, history } = deps;
  const all = new Map<string, Held>();
  let timer: Timer | null = null;
  let stopped = false;

  /** Writes that the disk has not answered: behind them no other one is of use. */
  let unanswered = 0;

  const write = (line: JournalLine): Promise<Written> => {
    unanswered += 1;
    const late: Written = { kind: 'lost', detail: `the disk has not answered within ${JOURNAL_MS} ms` };
    return new Promise((resolve) => {
      const deadline = clock.setTimer(JOURNAL_MS, () => resolve(late));
      void journal.append(line).then((written) => {
        unanswered -= 1;
        deadline.cancel();
        resolve(written);
      });
    });
  };
  const tell = (decision: EmergencyDecision, more: Pick<AuditEntry, 'stage' | 'result' | 'detail' | 'atMs'>) => {
    const { id, by, backend } = decision;
    return audit.append({ id, by, command: 'emergency', target: `backend/${backend}`, ...more });
  };
  const tellAsked = (decision: EmergencyDecision) =>
    tell(decision, { stage: 'asked', atMs: decision.atMs, detail: decision.reason, result: null });

  const remember = async (decision: EmergencyDecision, asked: boolean): Promise<Held> => {
    const written = await write({ kind: 'decided', decision });
    const one: Held = { decision, journal: written, held: null, asked, releasedAt: {}, outcome: null };
    all.set(decision.id, one);
    const { backend, by, reason } = decision;
    logger.warn('emergency: all requests of a backend go to stable here', { backend, by, detail: reason });
    if (written.kind === 'lost') {
      logger.error('the emergency is in memory alone; a restart forgets it', { backend, detail: written.detail });
    }
    republish();
    arm();
    return one;
  };

  /** Done: the tables of the store are taken again as they are. */
  const forget = async (one: Held, outcome: string, by = 'serin') => {
    const { id, backend } = one.decision;
    all.delete(id);
    republish();
    logger.info('emergency ended', { backend, by, detail: outcome });
    await write({ kind: 'done', id, atMs: clock.now(), outcome });
  };

  const look = async (one: Held) => {
    // There may be room on the disk again.
    if (one.journal.kind === 'lost' && unanswered === 0)
      one.journal = await write({ kind: 'decided', decision: one.decision });
    if (one.outcome === null && !storeAway()) await settle(one);
    const { outcome } = one;
    const served = fleetNames.map((fleet) => history.running(fleet)?.position ?? null);
    if (outcome !== null && fleetNames.every((fleet, i) => isPast(served[i] ?? null, one.releasedAt[fleet]))) {
      await forget(one, outcome);
    }
  };
  const settle = async (one: Held) => {
    const { decision } = one;
    const settled = await settleEmergency(deps, decision);
    if (settled.kind === 'later') {
      logger.debug('emergency not written down yet', { backend: decision.backend, detail: settled.detail });
      return;
    }
    if (settled.kind === 'held') {
      if (one.held === null) {
        logger.error('an emergency is held: its rollout was promoted elsewhere; a person has to decide', {
          backend: decision.backend,
          detail: settled.detail,
        });
      }
      one.held = settled.detail;
      return;
    }
    if (!one.asked) await tellAsked(decision);
    await tell(decision, { stage: 'answered', atMs: clock.now(), detail: settled.outcome, result: 'done' });
    Object.assign(one, { releasedAt: settled.at, outcome: settled.outcome, held: null });
  };
  const tick = async () => {
    for (const one of [...all.values()]) {
      await look(one).catch((cause: unknown) => {
        logger.error('an emergency could not be looked at, a bug', { cause: String(cause) });
      });
    }
    timer = null;
    arm();
  };
  const arm = () => {
    if (stopped || timer !== null || all.size === 0) return;
    timer = clock.setTimer(LOOK_MS, () => void tick());
  };

  return {
    overlay: (table) =>
      withEmergencies(
        table,
        [...all.values()].map(({ decision: { backend, cluster }, releasedAt }) => ({ backend, cluster, releasedAt })),
      ),
    async start() {
      const { open, damage } = await journal.load();
      for (const detail of damage) logger.error('the journal of emergencies is not whole', { detail });
      for (const decision of open) {
        logger.warn('an emergency is still to be written down', { backend: decision.backend, by: decision.by });
        const kept: Written = { kind: 'durable' };
        all.set(decision.id, { decision, journal: kept, held: null, asked: false, releasedAt: {}, outcome: null });
      }
      arm();
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
    async stable({ backend, reason, by, force }) {
      const found = findBackend(deps, backend);
      if (found.kind === 'error') return found;
      const { traffic, fleets } = found.value;
      const known = [...all.values()].find((one) => one.decision.backend === backend && one.outcome === null);
      const cluster = known?.decision.cluster ?? traffic.split[0]?.cluster ?? '';
      const decision = { id: deps.newId(), backend, cluster, by, reason, atMs: clock.now() };
      const takesCommits = known === undefined && !storeAway() && (await tellAsked(decision)).kind === 'ok';
      if (takesCommits && !force) {
        const refused = await refusal(deps, backend);
        const result = refused.errors[0]?.code ?? null;
        await tell(decision, { stage: 'answered', atMs: clock.now(), detail: reason, result });
        return refused;
      }
      // Asked again, it is the same decision; who was not told yet is told by now.
      const one = known ?? (await remember(decision, takesCommits));
      await whenConfirmed(options, fleets, CONFIRM_MS);
      return ok({ ...shown(one), fleets: confirmations(options, fleets) });
    },
    async end({ backend, by }) {
      const one = [...all.values()].find(({ decision }) => decision.backend === backend);
      if (one === undefined) return fail('SERIN_NOT_FOUND', `no emergency of backend ${backend} is open here`);
      if (one.held === null) {
        const hint = 'It ends by itself once the store has it; then start a rollout.';
        return fail('SERIN_CONFLICT', `the emergency of ${backend} is not written down yet`, { hint });
      }
      const was = shown(one);
      if (!one.asked) await tellAsked(one.decision);
      await tell(one.decision, { stage: 'answered', atMs: clock.now(), detail: `ended by ${by}`, result: 'done' });
      await forget(one, `ended by ${by}: ${one.held}`, by);
      return ok(was);
    },
    open: () => [...all.values()].map(shown),
  };
}

function shown({ decision, journal, held }: Held): OpenEmergency {
  return { decision, journal, held };
}

/** Of another epoch a person has decided; a fleet that is not served needs nothing. */
function isPast(served: Position | null, released: Position | undefined): boolean {
  return served === null || released === undefined || served.epoch !== released.epoch || hasReached(served, released);
}

/** In the tables that the Envoys have: the store need not answer. */
function findBackend(
  { fleetNames, history }: Dependencies,
  backend: string,
): Result<{ readonly traffic: BackendTraffic; readonly fleets: readonly string[] }> {
  const tables = fleetNames.flatMap((fleet) => history.running(fleet) ?? []);
  if (tables.length === 0) {
    const message = 'this replica has not loaded a table: its Envoys keep what they have';
    return fail('SERIN_NOT_READY', message, { hint: 'Ask another replica.' });
  }
  const values = tables.flatMap(({ owners }) => [...owners.values()].map(({ value }) => value));
  const backends = values.flatMap((value) => (value.kind === 'backend' ? [value] : []));
  const traffic = backends.find((one) => one.backend === backend);
  if (traffic === undefined) {
    const names = new Set(backends.map((one) => one.backend));
    return fail('SERIN_NOT_FOUND', `no Envoy of this replica has a backend ${backend}.${didYouMean(backend, names)}`);
  }
  if (traffic.split.length === 0) {
    return fail('SERIN_NOT_READY', `backend ${backend} has no revision that takes requests`);
  }
  const fleets = tables.filter(({ owners }) => owners.has(`backend/${backend}`)).map(({ fleet }) => fleet);
  return ok({ traffic, fleets });
}

/** The ordinary way reaches every replica, and leaves nothing to be written down. */
async function refusal(deps: Dependencies, backend: string): Promise<Extract<Result<never>, { kind: 'error' }>> {
  const state = await loadBackend(deps.records, backend);
  const id = state.kind === 'ok' ? (state.value.body?.rolloutId ?? null) : null;
  const hint = `Use \`serin rollout abort ${id ?? '<id>'}\`: it reaches all replicas. --force if that does not end.`;
  return fail('SERIN_CONFLICT', 'the store takes commits: an emergency would reach only a part of the Envoys', {
    hint,
  });
}
