import { fail, ok, type Result } from '../core/model/errors.ts';
import { recordCommand } from '../core/replay/record-decision.ts';
import { decideCommand, type RolloutCommand } from '../core/rollout/command.ts';
import { isQueued } from '../core/rollout/queued.ts';
import { besideOwner } from './beside-owner.ts';
import type { Dependencies } from './dependencies.ts';
import type { RolloutView } from './engine.ts';
import { bodiesOf, loadBackend, loadNamed, loadOthers, loadRolloutWith, revsOf, storeUnavailable } from './load.ts';
import { mergedCommit } from './merged-commit.ts';
import { observeRollout } from './observe.ts';
import { commit, kickNext, transitionCommit } from './publish.ts';

export interface CommandRequest {
  readonly id: string;
  readonly command: RolloutCommand;
  /** The rev that the person saw; `null`: whatever is there now. */
  readonly rev: number | null;
  readonly by: string;
}

const MAX_RACES = 8;

/** A person's or CI's command goes through the same commit as every other decision. */
export async function commandRollout(deps: Dependencies, request: CommandRequest): Promise<Result<RolloutView>> {
  for (let race = 0; race < MAX_RACES; race += 1) {
    const outcome = await attempt(deps, request);
    if (outcome !== 'again') return outcome;
  }
  return fail('SERIN_CONFLICT', 'the rollout kept changing; nothing was done');
}

async function attempt(deps: Dependencies, request: CommandRequest): Promise<Result<RolloutView> | 'again'> {
  const likely = deps.active.backendOf(request.id);
  const read = await loadRolloutWith(deps.records, request.id, likely);
  if (read.kind === 'error') return read;
  const loaded = read.value.rollout;
  const rollout = loaded.body;
  if (rollout === null) return fail('SERIN_NOT_FOUND', `there is no rollout ${request.id}`);
  if (request.rev !== null && request.rev !== loaded.rev) {
    return fail('SERIN_CONFLICT', `the rollout is at rev ${loaded.rev}, the command was given for ${request.rev}`);
  }
  const together = rollout.backend === likely ? read.value.backend : null;
  const backend = together ?? (await loadBackend(deps.records, rollout.backend));
  if (backend.kind === 'error') return backend;
  if (backend.value.body === null) return fail('SERIN_INTERNAL', `backend ${rollout.backend} has no state`);
  const others = await loadOthers(deps.records, rollout);
  if (others.kind === 'error') return others;
  const fleets = await observeRollout(deps, rollout);
  if (fleets.kind === 'error') return fleets;

  const input = {
    rollout,
    backend: backend.value.body,
    ...bodiesOf(others.value),
    command: request.command,
    by: request.by,
    observed: { fleets: fleets.value },
    settings: deps.settings(),
    nowMs: deps.clock.now(),
  };
  const outcome = decideCommand(input);
  if (outcome.kind === 'refused') return { kind: 'error', errors: [outcome.error] };
  if (outcome.kind === 'unchanged') return ok({ rev: loaded.rev, rollout, laggards: [] });

  const { transition } = outcome;
  const revs = { rollout: loaded.rev, backend: backend.value.rev, ...revsOf(others.value) };
  const decision = recordCommand(input, transition, revs);
  const backendChanged = transition.backend !== backend.value.body;
  // Whoever it waits for.
  const owner =
    backendChanged && isQueued(rollout) ? await loadNamed(deps.records, backend.value.body.rolloutId) : ok(null);
  if (owner.kind === 'error') return owner;
  const done = await commit(
    deps,
    mergedCommit([
      transitionCommit(transition, revs, backendChanged, decision),
      ...(owner.value === null ? [] : [besideOwner(owner.value, transition.backend, backend.value.rev)]),
    ]),
  );
  switch (done.kind) {
    case 'committed':
      deps.active.note(transition.rollout);
      // Whoever decides about it wants to see what it does then.
      await deps.suspects.forgive(`rollout/${request.id}`);
      deps.wakeUps.kick(`rollout/${request.id}`);
      kickNext(deps, transition);
      return ok({ rev: loaded.rev + 1, rollout: transition.rollout, laggards: [] });
    case 'conflict':
      return 'again';
    case 'unavailable':
      return storeUnavailable(done);
  }
}
