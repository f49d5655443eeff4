import { type Freeze, freezeSummary } from '../core/model/freeze.ts';
import type { Notice } from '../core/rollout/event.ts';
import { retryDelayMs } from '../core/rollout/retry-delay.ts';
import type { Clock, Timer } from './ports/clock.ts';
import type { Logger } from './ports/logger.ts';
import type { Notifier } from './ports/notifier.ts';
import type { StoreLineage } from './ports/store-lineage.ts';

/** What this process knows of the store's health. */
export interface StoreWatch {
  /** Looks once, then every second. */
  start(): Promise<void>;
  stop(): void;
  /** Why nobody uses the store; `null`: it may be used. */
  frozen(): Freeze | null;
  /** For how long it has not answered; 0 while it does. */
  downMs(): number;
}

export interface StoreWatchOptions {
  readonly lineage: Pick<StoreLineage, 'look'>;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is wrong with the settings of the server that answers now; each one sentence. A failover may bring another. */
  readonly trouble: () => Promise<readonly string[]>;
  /** A freeze has ended: what waited for that. */
  readonly onThaw: () => void;
}

const LOOK_EVERY_MS = 1_000;
/** An outage that lasts so long is no hiccup. */
const ALERT_AFTER_MS = 60_000;
const SETTINGS_EVERY_MS = 60_000;
const MAX_ATTEMPTS = 20;

/** Compares the store with what was seen of it, also while nobody commits, and tells people what needs them. */
export function createStoreWatch(options: StoreWatchOptions): StoreWatch {
  const { lineage, notifier, clock, logger, trouble, onThaw } = options;
  let frozen: Freeze | null = null;
  let downSinceMs: number | null = null;
  let alerted = false;
  let known = '';
  let askedMs = clock.monotonicMs();
  let timer: Timer | null = null;
  let stopped = false;

  const downMs = () => (downSinceMs === null ? 0 : clock.monotonicMs() - downSinceMs);

  const look = async () => {
    const looked = await lineage.look();
    if (looked.kind !== 'ok') {
      downSinceMs ??= clock.monotonicMs();
      if (!alerted && downMs() >= ALERT_AFTER_MS) {
        alerted = true;
        logger.error('the store has not answered for a minute; nothing advances', { detail: looked.detail });
      }
      return;
    }
    if (alerted) logger.info('the store answers again', { afterMs: Math.round(downMs()) });
    downSinceMs = null;
    alerted = false;
    const before = frozen;
    frozen = looked.value.frozen;
    if (frozen !== null && before === null) {
      logger.error('the store is frozen; a person has to decide (`serin store reconcile`)', {
        detail: freezeSummary(frozen),
        reason: frozen.reason,
      });
      if (looked.value.frozen?.mine === true) tellAll(frozen);
    }
    if (frozen === null && before !== null) {
      logger.info('the store may be used again');
      onThaw();
    }
  };

  /** Not by the outbox: that is in the store. One replica tells it; the id is the same for whoever does. */
  const tellAll = (freeze: Freeze) => {
    for (const target of notifier.targets()) void tell(target, frozenNotice(freeze));
  };
  const tell = async (target: string, notice: Notice) => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !stopped && frozen !== null; attempt += 1) {
      const delivery = await notifier.deliver(target, notice, attempt);
      if (delivery.kind !== 'retry') return;
      const pauseMs = delivery.afterMs ?? retryDelayMs(attempt + 1, notice.id);
      await new Promise<void>((resolve) => void clock.setTimer(pauseMs, resolve));
    }
  };

  const settings = async () => {
    if (downSinceMs !== null || clock.monotonicMs() - askedMs < SETTINGS_EVERY_MS) return;
    askedMs = clock.monotonicMs();
    const found = await trouble();
    const text = found.join('; ');
    if (text !== '' && text !== known) logger.error('the store has settings that can lose data', { detail: text });
    known = text;
  };

  const tick = async () => {
    await look();
    await settings();
    if (!stopped) timer = clock.setTimer(LOOK_EVERY_MS, () => void tick());
  };
  return {
    start: async () => {
      // Said at the start already.
      known = (await trouble()).join('; ');
      await tick();
    },
    stop: () => {
      stopped = true;
      timer?.cancel();
    },
    frozen: () => frozen,
    downMs,
  };
}

function frozenNotice(freeze: Freeze): Notice {
  return {
    id: `store-${freeze.by}-${freeze.atMs}`,
    ...{ rolloutId: '-', backend: '-', plan: '-', revision: '-', stable: null },
    kind: 'store_frozen',
    tone: 'bad',
    title: 'Serin stands still: its store is not what it was',
    fields: [
      ['Cause', freezeSummary(freeze)],
      ['Until then', 'Envoys keep what they have; no rollout moves and nothing can be changed.'],
      ['To do', 'serin store verify, then serin store reconcile --replay, --adopt or --stable'],
    ],
    atMs: freeze.atMs,
  };
}
