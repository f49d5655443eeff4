import type { Clock, Timer } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { DueSet, Leased, Subject } from '../../engine/ports/store.ts';
import type { WakeUps } from '../../engine/ports/wake-ups.ts';
import { NowQueue, type NowQueueOptions } from './now-queue.ts';
import { type Runs, subjectRuns } from './subject-runs.ts';

export interface WakeUpsOptions {
  readonly redis: NowQueueOptions['redis'];
  /** Hash tag before every key, the same as the store's. @default '{serin}' */
  readonly prefix?: string;
  readonly due: DueSet;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of every run on a due subject that has ended, how long after its due time that was. @default nobody */
  readonly onLate?: (subject: Subject, lateMs: number) => void;
  /** Longest time between two looks at the due set. @default 2000 */
  readonly sweepMs?: number;
  /** After so long a subject that nobody rescheduled is due again. @default 5000 */
  readonly leaseMs?: number;
  /** Handlers under way at a time in this process. @default 50 */
  readonly concurrency?: number;
  /** A worker that took no job for so long, while jobs waited, is replaced. @default 15000 */
  readonly silentMs?: number;
  /** Handlers under way get so long to end at `stop`. @default 25000 */
  readonly stopDeadlineMs?: number;
}

const LEASE_LIMIT = 100;
const REDIS_DEADLINE_MS = 2000;
/** The store's clock may be a little behind ours: do not spin until it gets there. */
const EARLY_MS = 25;

/**
 * Wake-ups on the due set and BullMQ. The due set is the truth: what is due is leased and becomes a job that means
 * "now". Handlers end a lease themselves, by rescheduling or forgetting the subject; until then it comes again.
 *
 * A job whose worker was killed still counts as active, and swallows every new job for its subject until BullMQ's
 * stall check, up to 20 s later. So a subject whose job has been in the way for a whole lease is run right here.
 */
export function createWakeUps(options: WakeUpsOptions): WakeUps {
  return new BullWakeUps(options);
}

/** `idle` → `running` → `stopped`. Kicks work while `running`; before and after they are lost, as hints may be. */
type State = 'idle' | 'running' | 'stopped';

/** Who is to run; `dueAtMs: null`: nobody was due, it is a kick. */
interface Wanted {
  readonly subject: Subject;
  readonly dueAtMs: Leased['dueAtMs'] | null;
}

class BullWakeUps implements WakeUps {
  private readonly options: Required<Omit<WakeUpsOptions, 'redis'>>;
  private readonly queue: NowQueue;
  private state: State = 'idle';
  private runs: Runs | null = null;
  private timer: Timer | null = null;
  private sweeping = false;
  private looking: 'no' | 'yes' | 'again' = 'no';
  private early = false;
  private heardMs = 0;

  constructor(options: WakeUpsOptions) {
    const { redis, ...rest } = options;
    this.options = {
      prefix: '{serin}',
      onLate: () => undefined,
      sweepMs: 2000,
      leaseMs: 5000,
      concurrency: 50,
      silentMs: 15_000,
      stopDeadlineMs: 25_000,
      ...rest,
    };
    const { prefix, concurrency, clock, logger } = this.options;
    this.queue = new NowQueue({ redis, prefix, concurrency, deadlineMs: REDIS_DEADLINE_MS, clock, logger });
  }

  async start(handle: (subject: Subject) => Promise<void>): Promise<void> {
    if (this.state !== 'idle') throw new Error('wake-ups start once');
    this.state = 'running';
    this.runs = subjectRuns(handle, this.options.logger, () => this.look());
    this.work();
    if (!(await this.queue.ready())) this.options.logger.warn('wake-ups started without Redis; they wait for it');
    void this.sweep();
  }

  kick(subject: Subject): void {
    if (this.state === 'running') void this.enqueue({ subject, dueAtMs: null });
  }

  async stop(): Promise<void> {
    const before = this.state;
    this.state = 'stopped';
    this.timer?.cancel();
    if (before === 'running') await this.queue.pause();
    const ended = (await this.runs?.drain(this.options.clock, this.options.stopDeadlineMs)) ?? true;
    if (!ended) this.options.logger.warn('handlers were still under way at the stop deadline');
    await this.queue.close(!ended);
  }

  private work(): void {
    this.heardMs = this.options.clock.monotonicMs();
    this.queue.work(async (subject, dueAtMs) => {
      this.heardMs = this.options.clock.monotonicMs();
      await this.run({ subject, dueAtMs });
    });
  }

  /** Leases what is due and has it run; one at a time, then sets the timer for the next. */
  private async sweep(): Promise<void> {
    if (this.sweeping || this.state !== 'running') return;
    this.sweeping = true;
    const leased = await this.options.due.lease(LEASE_LIMIT, this.options.leaseMs);
    this.sweeping = false;
    if (leased.kind !== 'ok') {
      this.options.logger.debug('due set unreachable', { detail: leased.detail });
      this.arm(this.options.sweepMs);
      return;
    }
    this.early = leased.value.length === 0;
    for (const due of leased.value) void this.enqueue(due);
    this.look();
  }

  private async enqueue(wanted: Wanted): Promise<void> {
    const { leaseMs, logger } = this.options;
    const { subject, dueAtMs } = wanted;
    const outcome = await this.queue.add(subject, dueAtMs);
    if (outcome.kind === 'failed') {
      logger.debug('wake-up not queued', { subject, due: dueAtMs !== null, detail: outcome.detail });
      // A leased subject is ours; a lost kick costs seconds.
      if (dueAtMs !== null) await this.runHere(wanted);
    } else if (outcome.kind === 'behind' && outcome.ageMs >= leaseMs) {
      logger.info('running a subject past its stuck job', { subject, ageMs: outcome.ageMs, active: outcome.active });
      if (!outcome.active) this.replaceSilentWorker();
      await this.runHere(wanted);
    }
  }

  private async runHere(wanted: Wanted): Promise<void> {
    if (this.state === 'running') await this.run(wanted);
  }

  private async run({ subject, dueAtMs }: Wanted): Promise<void> {
    await this.runs?.run(subject);
    if (dueAtMs !== null) this.options.onLate(subject, Math.max(0, this.options.clock.now() - dueAtMs));
  }

  /** Jobs wait and this process takes none: BullMQ's blocking read can hang after a reconnect. */
  private replaceSilentWorker(): void {
    const silentMs = this.options.clock.monotonicMs() - this.heardMs;
    if (this.state !== 'running' || silentMs < this.options.silentMs) return;
    if ((this.runs?.active() ?? 0) >= this.options.concurrency) return;
    this.options.logger.warn('replacing a silent worker', { silentMs });
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
    const next = await this.options.due.next();
    const again = this.looking === 'again';
    this.looking = 'no';
    if (again) {
      this.look();
      return;
    }
    const { sweepMs, clock } = this.options;
    const inMs = next.kind === 'ok' && next.value !== null ? next.value - clock.now() : sweepMs;
    this.arm(Math.min(Math.max(inMs, this.early ? EARLY_MS : 0), sweepMs));
  }

  private arm(afterMs: number): void {
    this.timer?.cancel();
    if (this.state === 'running') this.timer = this.options.clock.setTimer(afterMs, () => void this.sweep());
  }
}
