import { foldNotices } from '../core/rollout/fold-notices.ts';
import { retryDelayMs } from '../core/rollout/retry-delay.ts';
import type { Dependencies } from './dependencies.ts';
import type { OutboxEntry } from './ports/store.ts';

/** After this long an undelivered message goes to the dead letters, ms. */
const GIVE_UP_AFTER_MS = 24 * 3_600_000;
/** Longer than one delivery may take, so that two replicas seldom send the same message. */
const CLAIM_MS = 15_000;

/** So many waiting messages are looked at for one fold. */
const FOLD_MAX = 100;

/**
 * Drains one outbox queue, first in, first out. At least once: a crash between delivery and the note of it
 * sends the message again, under the same id. What has gathered behind a message that could not be delivered becomes one
 * with it.
 */
export async function deliver(deps: Dependencies, queue: string): Promise<void> {
  const target = queue.slice(queue.indexOf('~') + 1);
  for (;;) {
    const head = await deps.outbox.head(queue);
    if (head.kind !== 'ok') return;
    if (head.value === null) {
      await deps.due.forget(`outbox/${queue}`);
      return;
    }
    if (head.value.attempts > 0 && (await fold(deps, queue))) continue;
    const claimed = await deps.due.schedule(`outbox/${queue}`, deps.clock.now() + CLAIM_MS);
    if (claimed.kind !== 'ok') return;
    if ((await deliverOne(deps, target, head.value)) === 'later') return;
  }
}

/** Whether the front of the queue is another one now. */
async function fold({ outbox, logger }: Dependencies, queue: string): Promise<boolean> {
  const waiting = await outbox.waiting(queue, FOLD_MAX);
  const folded = waiting.kind === 'ok' ? foldNotices(waiting.value) : null;
  if (folded === null) return false;
  const done = await outbox.fold(queue, folded.ids, folded.notice);
  if (done.kind !== 'ok') return false;
  if (done.value === 'folded') logger.info('messages that waited became one', { queue, messages: folded.ids.length });
  return true;
}

async function deliverOne(deps: Dependencies, target: string, entry: OutboxEntry): Promise<'next' | 'later'> {
  const { queue, notice, attempts } = entry;
  const delivery = await deps.notifier.deliver(target, notice, attempts);
  deps.meter.delivery(delivery.kind);
  const nowMs = deps.clock.now();
  const fields = { queue, noticeId: notice.id, attempts: attempts + 1 };
  switch (delivery.kind) {
    case 'delivered': {
      const done = await deps.outbox.delivered(queue, notice.id);
      return done.kind === 'ok' ? 'next' : 'later';
    }
    case 'rejected': {
      deps.logger.error('message refused for good; it is among the dead letters', {
        ...fields,
        detail: delivery.detail,
      });
      const done = await deps.outbox.bury(queue, notice.id, delivery.detail);
      return done.kind === 'ok' ? 'next' : 'later';
    }
    case 'retry': {
      if (entry.firstTriedAtMs !== null && nowMs - entry.firstTriedAtMs > GIVE_UP_AFTER_MS) {
        deps.logger.error('message undeliverable for a day; it is among the dead letters', fields);
        const done = await deps.outbox.bury(queue, notice.id, delivery.detail);
        return done.kind === 'ok' ? 'next' : 'later';
      }
      deps.logger.warn('message not delivered; it will be tried again', { ...fields, detail: delivery.detail });
      const afterMs = delivery.afterMs ?? retryDelayMs(attempts + 1, notice.id);
      await deps.outbox.retry(queue, notice.id, nowMs + afterMs, delivery.detail);
      return 'later';
    }
  }
}
