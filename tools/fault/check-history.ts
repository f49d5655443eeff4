import { isTerminal, type Phase } from '../../src/core/model/phase.ts';
import { MAX_CRASHES } from '../../src/core/rollout/quarantine.ts';
import type { EventBody } from '../../src/surfaces/api/schemas.ts';
import type { Failure, History, RolloutHistory, Stall } from './history.ts';

/** The revision that fails requests by itself says so in its name; its own failures are no step's. */
export const BAD_REVISION = 'bad';

/** An answer that was under way when an Envoy went, or came, belongs to that. */
const OUTAGE_MARGIN_MS = 1_500;
/** Of the routes, and of the clients of the load. */
const ROUTE_TIMEOUT_MS = 5_000;
const CLIENT_TIMEOUT_MS = 10_000;

/** Every violation of a finished run, in words, and its messages counted. */
export function checkHistory(history: History): {
  readonly violations: readonly string[];
  readonly duplicated: number;
  readonly lost: number;
} {
  const messages = checkMessages(history);
  const violations = [
    ...history.rollouts.flatMap((rollout) => checkRollout(rollout, history.stalls)),
    ...history.rollouts.flatMap((rollout) => checkSetAside(rollout, history)),
    ...checkOwnership(history.rollouts),
    ...history.failures.filter((failure) => !isExcused(failure, history)).map(describeFailure),
    ...messages.violations,
  ];
  return { violations, duplicated: messages.duplicated, lost: messages.lost };
}

function msOf(event: Pick<EventBody, 'at'>): number {
  return Date.parse(event.at);
}

/** When the store took it: its own clock, and the order of commits. What engines say may be a little behind. */
export function committedMs(event: Pick<EventBody, 'id'>): number {
  return Number(event.id.split('-')[0]);
}

export function startedMs({ events }: Pick<RolloutHistory, 'events'>): number {
  return events[0] === undefined ? 0 : committedMs(events[0]);
}

function checkRollout(rollout: RolloutHistory, stalls: readonly Stall[]): string[] {
  const { id, kind, events, final } = rollout;
  const wrong: string[] = [];
  const say = (what: string) => void wrong.push(`${kind} rollout ${id}: ${what}`);
  if (events[0]?.type !== 'started') say(`begins with ${events[0]?.type ?? 'nothing'}`);
  for (const [i, event] of events.entries()) {
    const before = events[i - 1];
    if (before !== undefined && msOf(event) < msOf(before)) say(`event ${event.id} is older than the one before it`);
  }
  const entered = events.filter(({ type, phase }) => type === 'step' && phase === 'stepping').map(({ step }) => step);
  if (entered.some((step, i) => step !== i)) say(`entered the steps ${entered.join(', ')}`);
  const back = events.findIndex(
    ({ type, phase }) => type === 'step' && (phase === 'rolling_back' || phase === 'aborting'),
  );
  if (back >= 0 && events.slice(back + 1).some(({ type }) => type === 'step')) say('was raised after its way back');
  const ends = events.filter(({ type }) => type === 'finished');
  if (ends.length !== 1) say(`ended ${ends.length} times`);
  if (!isTerminal(final.phase)) say(`is ${final.phase}, waiting for ${final.waitingFor}`);
  else if (ends[0]?.data.outcome !== final.phase) say(`is ${final.phase}, its events say ${ends[0]?.data.outcome}`);
  if (wasMisled(rollout, stalls)) return wrong;
  const right = rightEnds(rollout);
  if (!right.includes(final.phase))
    say(`ended ${final.phase}, right is ${right.join(' or ')}: ${final.cause?.summary ?? 'no cause'}`);
  if (final.phase === 'rolled_back') {
    const cause = kind === 'bad' ? 'analysis' : 'nack';
    if (final.cause?.kind !== cause) say(`was rolled back by ${final.cause?.kind}: ${final.cause?.summary}`);
  }
  return wrong;
}

/** Services that did not get to answer look like a canary that fails; to go back is right then. */
function wasMisled({ final, events }: RolloutHistory, stalls: readonly Stall[]): boolean {
  const [first, last] = [events[0], events.at(-1)];
  if (final.cause?.kind !== 'analysis' || first === undefined || last === undefined) return false;
  return stalls.some(({ fromMs, toMs }) => fromMs <= msOf(last) && toMs + ROUTE_TIMEOUT_MS >= msOf(first));
}

function rightEnds({ kind, aborted }: RolloutHistory): readonly Phase[] {
  if (kind === 'bad' || kind === 'refused') return ['rolled_back'];
  if (kind !== 'aborted' || aborted === 'no') return ['promoted'];
  return aborted === 'yes' ? ['aborted'] : ['aborted', 'promoted'];
}

/**
 * A rollout is set aside when engines died over it, and no sooner: since it began, or was given another chance, as many
 * replicas were away as it takes.
 */
function checkSetAside({ id, kind, events }: RolloutHistory, { absences, stalls }: History): string[] {
  const wrong: string[] = [];
  let countedFromMs = 0;
  for (const event of events) {
    const atMs = committedMs(event);
    if (event.type === 'started' || event.type === 'resumed') countedFromMs = atMs;
    if (event.type !== 'quarantined') continue;
    const away = [...absences, ...stalls].filter(({ fromMs, toMs }) => toMs >= countedFromMs && fromMs <= atMs);
    if (away.length < MAX_CRASHES)
      wrong.push(`${kind} rollout ${id}: was set aside after ${away.length} absences of replicas`);
  }
  return wrong;
}

/** Never more than one active rollout per backend. */
function checkOwnership(rollouts: readonly RolloutHistory[]): string[] {
  const last = new Map<string, { readonly id: string; readonly endMs: number }>();
  const wrong: string[] = [];
  for (const rollout of rollouts.toSorted((a, b) => startedMs(a) - startedMs(b))) {
    const { id, backend, events } = rollout;
    const before = last.get(backend);
    if (before !== undefined && before.endMs > startedMs(rollout))
      wrong.push(`${backend}: ${id} began while ${before.id} was active`);
    const end = events.find(({ type }) => type === 'finished');
    last.set(backend, { id, endMs: end === undefined ? Number.POSITIVE_INFINITY : committedMs(end) });
  }
  return wrong;
}

function isExcused({ envoy, sentAtMs, status, servedBy }: Failure, { outages, stalls }: History): boolean {
  if (status === 500 && servedBy === BAD_REVISION) return true;
  const isWithin = ({ fromMs, toMs }: Stall, beforeMs: number) =>
    sentAtMs >= fromMs - beforeMs && sentAtMs <= toMs + OUTAGE_MARGIN_MS;
  const isAway = outages.some((outage) => outage.envoy === envoy && isWithin(outage, OUTAGE_MARGIN_MS));
  return isAway || (servedBy === '' && stalls.some((stall) => isWithin(stall, CLIENT_TIMEOUT_MS)));
}

function describeFailure({ envoy, sentAtMs, status, servedBy }: Failure): string {
  return `a request to ${envoy} at ${new Date(sentAtMs).toISOString()} got ${status} from ${servedBy || 'Envoy'}`;
}

interface Messages {
  readonly violations: string[];
  readonly duplicated: number;
  readonly lost: number;
}

/** Complete, in order, and a duplicate under the id of the first. */
function checkMessages({ rollouts, messages }: History): Messages {
  const violations: string[] = [];
  const ids = new Map<string, string>();
  const newest = new Map<string, number>();
  let duplicated = 0;
  for (const { webhookId, notice } of messages) {
    if (webhookId !== notice.id) violations.push(`message ${notice.id} came under webhook-id ${webhookId}`);
    const key = `${notice.rolloutId} ${notice.kind} ${notice.atMs}`;
    const first = ids.get(key);
    if (first !== undefined) {
      duplicated += 1;
      if (first !== webhookId) violations.push(`message ${key} came as ${first} and as ${webhookId}`);
      continue;
    }
    ids.set(key, webhookId);
    // One that stands for several names them: of those that waited while the receiver was away.
    for (const { id, kind, atMs } of notice.earlier?.updates ?? []) ids.set(`${notice.rolloutId} ${kind} ${atMs}`, id);
    if (notice.atMs < (newest.get(notice.rolloutId) ?? 0)) violations.push(`message ${key} overtook a later one`);
    newest.set(notice.rolloutId, Math.max(notice.atMs, newest.get(notice.rolloutId) ?? 0));
  }
  const due = new Set(rollouts.flatMap(({ id, events }) => expectedMessages(id, events)));
  const lost = [...due].filter((key) => !ids.has(key));
  violations.push(...lost.map((key) => `message ${key} was lost`));
  for (const key of ids.keys()) {
    if (!due.has(key) && !OF_THEIR_OWN.some((kind) => key.includes(` ${kind} `)))
      violations.push(`message ${key} tells of what no event says`);
  }
  return { violations, duplicated, lost: lost.length };
}

/** Told beside the events, or of the rollout's own accord. */
const OF_THEIR_OWN = ['laggards', 'streams', 'paused', 'resumed', 'approval', 'evidence_lost', 'evidence_back'];

function expectedMessages(id: string, events: readonly EventBody[]): string[] {
  return events.flatMap((event) => {
    const kind = messageOf(event);
    return kind === null ? [] : [`${id} ${kind} ${msOf(event)}`];
  });
}

function messageOf({ type, phase }: EventBody): string | null {
  if (type === 'started' || type === 'finished') return type === 'started' ? 'started' : phase;
  if (type === 'quarantined') return 'quarantined';
  if (type === 'step' && phase === 'stepping') return 'step';
  if (type === 'phase' && (phase === 'rolling_back' || phase === 'aborting')) return phase;
  return null;
}
