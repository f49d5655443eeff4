import type { Clock, Timer } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { DueSet, Leased, Subject, Suspects } from '../../engine/ports/store.ts';
import type { WakeUps } from '../../engine/ports/wake-ups.ts';
import { NowQueue, type NowQueueOptions } from './now-queue.ts';
import { type Runs, subjectRuns } from './subject-runs.ts';

export interface WakeUpsOptions {
  readonly redis: NowQueueOptions['redis'];
  /** Hash tag before every key, the same as the store's. @default '{serin}' */
  readonly prefix?: string;
  readonly due: DueSet;
  /** Rollouts that crash whoever runs them. */
  readonly suspects: Suspects;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of every run on a due subject that has ended, how long after its due time that was. @default nobody */
  readonly onLate?: (subject: Subject, lateMs: number) => void;
  /** Longest time between two looks at the due set. @default 2000 */
  readonly sweepMs?: number;
  /** After so long a subject that nobody rescheduled is due again. @default 3000 */
  readonly leaseMs?: number;
  /** Due subjects under way at a time in this process, and as many kicked ones. @default 200 */
  readonly concurrency?: number;
  /** A worker that took no job for so long, while jobs waited, is replaced. @default 15000 */
  readonly silentMs?: number;
  /** Handlers under way get so long to end at `stop`. @default 25000 */
  readonly stopDeadlineMs?: number;
}

const LEASE_LIMIT = 200;
const REDIS_DEADLINE_MS = 2000;
/** Shortest time between two looks at the due set, and between two sweeps: what falls due within it goes together. */
const GATHER_MS = 20;
/**
 * The same while more than half of the hands are busy: looks at one fleet share their queries when they come together, and
 * whoever is behind must not take them one by one, each with a query of its own.
 */
const CROWDED_GATHER_MS = 250;
/** Who gives way looks so much later than others, for so long. */
const GIVEN_WAY_MS = 500;
const GIVES_WAY_FOR_MS = 10_000;
/** Until the due set is asked again while the store is away. */
const AWAY_MS = 250;
/** The store's clock may be a little behind ours: do not spin until it gets there. */
const EARLY_MS = 25;

/**
 * Wake-ups on the due set and BullMQ. The due set is the truth: each replica leases as much of what is due as it has
 * hands free for, and runs it. A kick becomes a job of BullMQ that means "now" and goes to whichever replica takes it.
 * Handlers end a lease themselves, by rescheduling or forgetting the subject; until then it comes again.
 *
 * A job whose worker was killed still counts as active, and swallows every new job for its subject until BullMQ's
 * stall check, up to 20 s later. So a subject whose job has been in the way for too long is run right here.
 */
export function createWakeUps(options: WakeUpsOptions): WakeUps {
  return new BullWakeUps(options);
}

/** `idle` → `running` → `stopped`. Kicks work while `running`; before and after they are lost, as hints may be. */
type State = 'idle' | 'running' | 'stopped';

class BullWakeUps implements WakeUps {
  private readonly options: Required<Omit<WakeUpsOptions, 'redis'>>;
  private readonly queue: NowQueue;
  private state: State = 'idle';
  private runs: Runs | null = null;
  private timer: Timer | null = null;
  private sweeping = false;
  /** The rollout with crashes that is under way here; there is one at a time, so that it is known which one it was. */
  private suspect: Subject | null = null;
  private dueUnderWay = 0;
  private looking: 'no' | 'yes' | 'again' = 'no';
  private lookTimer: Timer | null = null;
  private early = false;
  private sweptMs = Number.NEGATIVE_INFINITY;
  private givesWayUntilMs = Number.NEGATIVE_INFINITY;
  private heardMs = 0;
  private checkedMs = 0;

  constructor(options: WakeUpsOptions) {
    const { redis, ...rest } = options;
    this.options = {
      prefix: '{serin}',
      onLate: () => undefined,
      sweepMs: 2000,
      leaseMs: 3000,
      concurrency: 200,
      silentMs: 15_000,
      stopDeadlineMs: 25_000,
      ...rest,
    };
    const { prefix, concurrency, clock, logger } = this.options;
    this.queue = new NowQueue({ redis, prefix, concurrency, deadlineMs: REDIS_DEADLINE_MS, clock, logger });
  }

  async start(handle: (subject: Subject, crashes: number) => Promise<void>): Promise<void> {
    if (this.state !== 'idle') throw new Error('wake-ups start once');
    this.state = 'running';
    this.runs = subjectRuns({
      handle,
      logger: this.options.logger,
      onRunEnd: (subject) => {
        if (this.suspect === subject) this.suspect = null;
        this.look();
      },
      onThrow: (subject) => {
        if (subject.startsWith('rollout/')) void this.options.suspects.blame(subject);
      },
    });
    this.work();
    if (!(await this.queue.ready())) this.options.logger.warn('wake-ups started without Redis; they wait for it');
    void this.sweep();
  }

  kick(subject: Subject): void {
    if (this.state === 'running') void this.enqueue(subject);
  }

  giveWay(): void {
    this.givesWayUntilMs = this.options.clock.monotonicMs() + GIVES_WAY_FOR_MS;
  }

  async stop(): Promise<void> {
    const before = this.state;
    this.state = 'stopped';
    this.timer?.cancel();
    this.lookTimer?.cancel();
    if (before === 'running') await this.queue.pause();
    const ended = (await this.runs?.drain(this.options.clock, this.options.stopDeadlineMs)) ?? true;
    if (!ended) this.options.logger.warn('handlers were still under way at the stop deadline');
    await this.queue.close(!ended);
  }

  private work(): void {
    this.heardMs = this.options.clock.monotonicMs();
    this.queue.work(async (subject) => {
      this.heardMs = this.options.clock.monotonicMs();
      await this.runTaken(subject);
    });
  }

  /** Leases what is due and has it run; one at a time, then sets the timer for the next. */
  private async sweep(): Promise<void> {
    if (this.sweeping || this.state !== 'running') return;
    const hands = Math.min(LEASE_LIMIT, this.options.concurrency - this.dueUnderWay);
    // A run that ends looks again; if none ever does, this replica hangs, and others go on.
    if (hands <= 0) return;
    this.sweeping = true;
    const leased = await this.options.due.lease(hands, this.options.leaseMs, this.suspect);
    this.sweeping = false;
    if (leased.kind !== 'ok') {
      this.options.logger.debug('due set unreachable', { detail: leased.detail });
      this.arm(AWAY_MS);
      return;
    }
    void this.replaceSilentWorker();
    this.early = leased.value.length === 0;
    this.sweptMs = this.options.clock.monotonicMs();
    for (const due of leased.value) void this.runLeased(due);
    this.look();
  }

  private async runLeased({ subject, dueAtMs, crashes }: Leased): Promise<void> {
    if (this.state !== 'running') return;
    this.dueUnderWay += 1;
    if (crashes > 0) this.suspect = subject;
    await this.runs?.run(subject, crashes);
    this.dueUnderWay -= 1;
    this.options.onLate(subject, Math.max(0, this.options.clock.now() - dueAtMs));
    this.look();
  }

  /** A rollout that was not due is taken as if it were: what becomes of whoever runs it must be known. */
  private async runTaken(subject: Subject): Promise<void> {
    if (!subject.startsWith('rollout/')) return this.runs?.run(subject, 0);
    const taken = await this.options.suspects.take(subject, this.options.leaseMs, this.suspect);
    // Hints may be lost; it stays due.
    if (taken.kind !== 'ok' || taken.value === 'busy' || this.state !== 'running') return;
    if (taken.value > 0) this.suspect = subject;
    await this.runs?.run(subject, taken.value);
  }

  private async enqueue(subject: Subject): Promise<void> {
    const { leaseMs, logger } = this.options;
    const outcome = await this.queue.add(subject);
    if (outcome.kind === 'failed') logger.debug('kick not queued', { subject, detail: outcome.detail });
    else if (outcome.kind === 'behind' && outcome.ageMs >= leaseMs && this.state === 'running') {
      logger.info('running a subject past its stuck job', { subject, ageMs: outcome.ageMs, active: outcome.active });
      await this.runTaken(subject);
    }
  }

  /** Jobs wait and this process takes none: BullMQ's blocking read can hang after a reconnect. */
  private async replaceSilentWorker(): Promise<void> {
    const { clock, silentMs, concurrency, leaseMs, logger } = this.options;
    const nowMs = clock.monotonicMs();
    // Nobody may have asked for anything; so look, but not at every sweep.
    if (nowMs - Math.max(this.heardMs, this.checkedMs) < silentMs) return;
    this.checkedMs = nowMs;
    const waitingMs = await this.queue.waitingMs();
    if (this.state !== 'running' || waitingMs === null || waitingMs < leaseMs) return;
    if ((this.runs?.active() ?? 0) >= concurrency) return;
    logger.warn('replacing a silent worker', { silentMs: clock.monotonicMs() - this.heardMs, waitingMs });
    this.work();
  }

  /** Sets the timer by the earliest moment in the due set. Called after every run, since runs reschedule. */
  private look(): void {
    if (this.looking !== 'no') {
      this.looking = 'again';
      return;
    }
    this.looking = 'yes';
    void this.lookOnce();
  }

  private async lookOnce(): Promise<void> {
    const { sweepMs, clock, concurrency } = this.options;
    const next = await this.options.due.next();
    const dueInMs = next.kind === 'ok' && next.value !== null ? next.value - clock.now() : sweepMs;
    const inMs = next.kind === 'ok' ? dueInMs : AWAY_MS;
    const gatherMs = this.dueUnderWay > concurrency / 2 ? CROWDED_GATHER_MS : GATHER_MS;
    const gatheredInMs = this.sweptMs + gatherMs - clock.monotonicMs();
    const lagMs = clock.monotonicMs() < this.givesWayUntilMs ? GIVEN_WAY_MS : 0;
    this.arm(Math.min(Math.max(inMs, this.early ? EARLY_MS : 0, gatheredInMs), sweepMs) + lagMs);
    if (this.looking === 'again' && this.state === 'running') {
      this.lookTimer = clock.setTimer(GATHER_MS, () => {
        this.looking = 'yes';
        void this.lookOnce();
      });
    } else this.looking = 'no';
  }

  private arm(afterMs: number): void {
    this.timer?.cancel();
    if (this.state === 'running') this.timer = this.options.clock.setTimer(afterMs, () => void this.sweep());
  }
}
