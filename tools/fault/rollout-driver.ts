import { isTerminal } from '../../src/core/model/phase.ts';
import { type Client, createClient } from '../../src/surfaces/api/client.ts';
import { waitFor } from '../../test/support/processes.ts';
import type { Random } from '../../test/support/random.ts';
import type { ActWatch } from './act-watch.ts';
import { KINDS, planOf } from './documents.ts';
import type { RolloutHistory, RolloutKind } from './history.ts';
import { BACKENDS, type Plant } from './plant.ts';

const ASK_MS = 5_000;
/** However often something is killed: an answer comes within this. */
const ANSWER_MS = 60_000;
const END_MS = 120_000;

type Begun = Pick<RolloutHistory, 'id' | 'backend' | 'kind'> & { aborted: RolloutHistory['aborted'] };

export interface RolloutDriver {
  readonly begun: readonly Begun[];
  /** Begins no more; resolves when the last has ended. */
  finish(): Promise<void>;
}

/** Keeps one rollout going on every backend, good ones and bad ones, through whichever replica answers. */
export function driveRollouts(options: {
  readonly plant: Plant;
  readonly watch: ActWatch;
  readonly random: Random;
  readonly violation: (words: string) => void;
  /** Waited for before the next one begins. */
  readonly onEnd: (rollout: Begun) => Promise<void>;
}): RolloutDriver {
  const { plant, watch, random, violation, onEnd } = options;
  const begun: Begun[] = [];
  let stopping = false;
  let count = 0;

  const drive = async (backend: string, offset: number) => {
    for (let i = offset; !stopping; i += 1) {
      const kind = KINDS[i % KINDS.length] ?? 'good';
      const rollout = await begin(backend, kind);
      if (rollout === null) return;
      if (kind === 'aborted') await abort(rollout);
      await ended(rollout);
      await onEnd(rollout);
    }
  };

  const begin = async (backend: string, kind: RolloutKind): Promise<Begun | null> => {
    count += 1;
    const revision = `v${count}`;
    // However often it is asked for, it is one rollout.
    const idempotencyKey = `${backend}-${revision}`;
    const { good, bad } = plant.addresses;
    const endpoints = [kind === 'bad' ? bad : (good[count % good.length] ?? bad)];
    const request = { plan: planOf(backend, kind), revision, endpoints };
    let id = '';
    let words = '';
    const isStarted = async () => {
      const started = await anyClient(plant, random).start(request, idempotencyKey);
      if (started.kind === 'ok') id = started.value.id;
      else words = started.errors[0]?.message ?? '';
      return started.kind === 'ok';
    };
    try {
      await waitFor(isStarted, { timeoutMs: ANSWER_MS, everyMs: 200 });
    } catch {
      violation(`no rollout of ${backend} could be started within ${ANSWER_MS / 1000} s: ${words}`);
      return null;
    }
    const rollout: Begun = { id, backend, kind, aborted: 'no' };
    begun.push(rollout);
    watch.follow(id);
    return rollout;
  };

  /** As a person does who knows that the rollout is not to blame. Whether it was right to do so is checked at the end. */
  const resumeSetAside = async (id: string) => {
    if (watch.isSetAside(id)) await anyClient(plant, random).command(id, 'resume', {});
  };

  /** A person's abort, in the second step, insisted on until it is answered. */
  const abort = async (rollout: Begun) => {
    const { id } = rollout;
    let tries = 0;
    const isAnswered = async () => {
      await resumeSetAside(id);
      const client = anyClient(plant, random);
      if (tries === 0) {
        const read = await client.rollout(id);
        if (read.kind === 'error') return false;
        if (isTerminal(read.value.phase)) return true;
        if (read.value.step?.index !== 1) return false;
      }
      tries += 1;
      const told = await client.command(id, 'abort', { reason: 'the fault run says so' });
      if (told.kind === 'ok') rollout.aborted = 'yes';
      else if (told.errors[0]?.code === 'SERIN_PHASE_CONFLICT') rollout.aborted = tries === 1 ? 'no' : 'unknown';
      else return false;
      return true;
    };
    await waitFor(isAnswered, { timeoutMs: ANSWER_MS + END_MS, everyMs: 200 }).catch(() => {
      rollout.aborted = 'unknown';
      violation(`the abort of ${id} was not answered`);
    });
  };

  const ended = async ({ id, kind }: Begun) => {
    const isOver = async () => {
      await resumeSetAside(id);
      const phase = watch.phase(id);
      return phase !== null && isTerminal(phase);
    };
    await waitFor(isOver, { timeoutMs: END_MS, everyMs: 50 }).catch(async () => {
      const read = await anyClient(plant, random).rollout(id);
      const words = read.kind === 'ok' ? `${read.value.phase}, waiting for ${read.value.waitingFor}` : 'unreadable';
      violation(`${kind} rollout ${id} has not ended within ${END_MS / 1000} s: ${words}`);
    });
  };

  const all = BACKENDS.map((backend, i) => drive(backend, 2 * i));
  return {
    begun,
    finish: async () => {
      stopping = true;
      await Promise.all(all);
    },
  };
}

export function anyClient(plant: Plant, random: Random): Client {
  const up = plant.engines.filter((seat) => seat.isUp());
  const seat = (up.length > 0 ? up : plant.engines)[random.between(0, Math.max(0, up.length - 1))] ?? plant.engines[0];
  return createClient({ server: seat?.server ?? '', token: null, timeoutMs: ASK_MS });
}
