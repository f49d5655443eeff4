import { createEmergencies, type EmergencyDesk } from '../../../src/engine/emergency.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { EmergencyJournal } from '../../../src/engine/ports/emergency-journal.ts';
import { backendYaml, files, planYaml, routeYaml } from '../../../test/support/engine-documents.ts';
import { engineRig } from '../../../test/support/engine-rig.ts';
import { rolloutOf, startRollout } from '../../../test/support/engine-steps.ts';

/**
 * An engine in which there is something for every command: a rollout of `checkout` that waits for an approval, a backend
 * `cart` that one can be started of, and an emergency of `cart` that is held.
 */
export interface HttpWorld {
  readonly engine: Engine;
  readonly desk: EmergencyDesk;
  readonly rolloutId: string;
  /** The store has lost a commit: a person has to reconcile it. */
  freeze(): Promise<void>;
  /** Time passes for the engine while somebody waits for the answer: what waits for Envoys comes to an end. */
  during<T>(call: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const STEPS = '[{ weight: 10, approve: true }, { weight: 50, approve: true }]';
const CART = 'cart';

export async function httpWorld(): Promise<HttpWorld> {
  const rig = await engineRig();
  const apply = async (...texts: readonly string[]) => {
    const applied = await rig.answer(rig.engine.apply({ files: files(...texts), dryRun: false, by: 'fuzz' }));
    if (applied.kind === 'error') throw new Error(applied.errors[0]?.message);
  };
  const plan = (name: string) => planYaml({ name, backend: name, steps: STEPS }).replace('10m', '30d');
  await apply(routeYaml(), backendYaml(), plan('checkout'));
  await apply(routeYaml({ name: CART, backend: CART }), backendYaml(CART), plan(CART));
  const desk = createEmergencies({
    deps: rig.deps,
    journal: heldOf(CART),
    audit: rig.store.audit,
    storeAway: () => false,
    republish: () => {},
    view: { state: rig.deps.fleets.state, onProgress: () => () => {} },
    self: () => 'me',
    given: () => ({ epoch: 'mine', n: 1 }),
    clock: rig.clock,
  });
  await desk.start();
  const rolloutId = await rig.answer(startRollout(rig));
  await rig.until(async () => {
    const { step, push } = await rolloutOf(rig, rolloutId);
    return step === 0 && push?.liveAtMs != null && desk.open()[0]?.held != null;
  });
  return {
    engine: rig.engine,
    desk,
    rolloutId,
    async freeze() {
      const restore = rig.store.faults.backup();
      await apply(backendYaml('lost'));
      restore();
      await rig.store.lineage.look();
    },
    async during(call) {
      let answered = false;
      const settled = call.finally(() => {
        answered = true;
      });
      while (!answered) await rig.clock.advance(250);
      return settled;
    },
    async close() {
      desk.stop();
      await rig.stop();
    },
  };
}

/** Of before the last promotion of the backend: only a person may end it. */
function heldOf(backend: string): EmergencyJournal {
  const decision = { id: 'e1', backend, cluster: `${backend}--before`, by: 'ops', reason: 'errors', atMs: 1 };
  return {
    load: async () => ({ open: [decision], damage: [] }),
    append: async () => ({ kind: 'durable' }),
  };
}
