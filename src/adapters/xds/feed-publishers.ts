import { inTime } from '../../engine/in-time.ts';
import type { Clock, Timer } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { TrafficFeed } from '../../engine/ports/store.ts';
import type { FleetPublisher } from './fleet-publisher.ts';

/** Backstop for lost hints of the store and for responses stuck at a client. */
const POLL_MS = 1_000;
/** A start waits so long for the store; what is read later is sent later. */
const START_DEADLINE_MS = 2_000;
/** Tables read at a time when all are: a read has a deadline, and what waits for others to be read must not run into it. */
const READ_AT_ONCE = 8;
/** More than a read may take. A fleet that changes faster than it is read must not hold up the others. */
const MAX_READ_MS = 3_000;
/** After the start, and from one fleet to the next. */
const PREPARE_AFTER_MS = 500;
const PREPARE_EVERY_MS = 25;

const onward = (): void => undefined;

/** Reads tables when they change, and all of them once in a while; `polled` is called each time, reads done or not. */
export function feedPublishers(options: {
  readonly traffic: Pick<TrafficFeed, 'follow'>;
  readonly publishers: ReadonlyMap<string, Pick<FleetPublisher, 'refresh' | 'prepare' | 'stop'>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly polled: () => void;
}): { start(): Promise<void>; stop(): Promise<void> } {
  const { traffic, publishers, clock, logger, polled } = options;
  let timer: Timer | null = null;
  let preparing: Timer | null = null;
  let stopped = false;
  let following: { stop(): Promise<void> } | null = null;
  let _attempt: Promise<void> | null = null;
  let round: Promise<void> | null = null;
  const readAll = async () => {
    const left = publishers.values();
    const reader = async () => {
      for (const publisher of left) await inTime(clock, publisher.refresh(), MAX_READ_MS, onward);
    };
    await Promise.all(Array.from({ length: READ_AT_ONCE }, reader));
    round = null;
  };
  const refreshAll = (): Promise<void> => {
    round ??= readAll();
    return round;
  };
  const refresh = (fleets: readonly string[]) => {
    for (const fleet of fleets) void publishers.get(fleet)?.refresh();
  };
  /** Polling alone keeps the fleet right; following makes it fast. So a failure here is only tried again. */
  const follow = async () => {
    try {
      const handle = await traffic.follow(refresh);
      if (stopped) await handle.stop();
      else following = handle;
    } catch (cause) {
      logger.warn('change stream not followed, polling instead', { cause: String(cause) });
    } finally {
      _attempt = null;
    }
  };
  const poll = () => {
    if (stopped) return;
    if (following === null) _attempt ??= follow();
    void refreshAll();
    polled();
    timer = clock.setTimer(POLL_MS, poll);
  };
  /** What no Envoy has asked for yet, one fleet at a time: whatever else there is to do comes between. */
  const prepare = ([next, ...more]: readonly Pick<FleetPublisher, 'prepare'>[]) => {
    next?.prepare();
    preparing = more.length === 0 ? null : clock.setTimer(PREPARE_EVERY_MS, () => prepare(more));
  };
  return {
    async start() {
      _attempt = follow();
      await inTime(clock, refreshAll(), START_DEADLINE_MS, onward);
      if (stopped) return;
      timer = clock.setTimer(POLL_MS, poll);
      preparing = clock.setTimer(PREPARE_AFTER_MS, () => prepare([...publishers.values()]));
    },
    async stop() {
      stopped = true;
      timer?.cancel();
      for (const publisher of publishers.values()) publisher.stop();
      preparing?.cancel();
      await following?.stop();
      following = null;
    },
  };
}
