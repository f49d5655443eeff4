import { backendYaml, files, planYaml, routeYaml } from './engine-documents.ts';
import { type EngineRig, engineRig } from './engine-rig.ts';
import { rolloutOf, startRollout } from './engine-steps.ts';

/** A rig with a plan of two steps, 10 % and 50 %. */
export async function twoStepsRig(secondHold = '2m'): Promise<EngineRig> {
  const r = await engineRig();
  const steps = `[{ weight: 10, hold: 10s }, { weight: 50, hold: ${secondHold} }]`;
  await r.answer(
    r.engine.apply({ files: files(routeYaml(), backendYaml(), planYaml({ steps })), dryRun: false, by: 'me' }),
  );
  return r;
}

/** Is it live at this step? */
export const atStep = (r: EngineRig, id: string, step: number) => async (): Promise<boolean> => {
  const { step: now, push } = await rolloutOf(r, id);
  return now === step && push?.liveAtMs != null;
};

/** A rollout at its second step, in a store that remembers the first. */
export async function lostStep(r: EngineRig): Promise<string> {
  const id = await startRollout(r);
  await r.until(atStep(r, id, 0));
  const restore = r.store.faults.backup();
  await r.until(atStep(r, id, 1));
  restore();
  await r.store.lineage.look();
  return id;
}
