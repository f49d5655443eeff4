import type { FleetState } from '../../src/core/model/fleet-state.ts';
import type { FleetTable } from '../../src/core/model/traffic.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import type { EngineRig } from './engine-rig.ts';

/** What the tests on the engine's rig do again and again; each throws where the engine answers with an error. */

export async function startRollout(
  rig: EngineRig,
  revision = 'v2',
  idempotencyKey: string | null = null,
): Promise<string> {
  const started = await rig.engine.start({
    plan: 'checkout',
    revision,
    endpoints: ['127.0.0.1:9090'],
    by: 'ci',
    idempotencyKey,
  });
  if (started.kind === 'error') throw new Error(started.errors[0]?.message);
  return started.value.view.rollout.id;
}

export async function rolloutOf(rig: EngineRig, id: string): Promise<Rollout> {
  const view = await rig.engine.rollout(id);
  if (view.kind === 'error') throw new Error(view.errors[0]?.message);
  return view.value.rollout;
}

export async function tableOf(rig: EngineRig, fleet = 'edge'): Promise<FleetTable> {
  const table = await rig.store.traffic.table(fleet);
  if (table.kind !== 'ok') throw new Error(table.kind);
  return table.value;
}

/** From now on an Envoy confirms nothing more, though it is connected. */
export function stickEnvoy(rig: EngineRig, fleet = 'edge'): { readonly nodeId: string; readonly release: () => void } {
  const { fleets } = rig.deps;
  const [stuck] = fleets.state(fleet).nodes;
  if (stuck === undefined) throw new Error(`no Envoy in ${fleet}`);
  const state = (name: string): FleetState => {
    const now = fleets.state(name);
    return { ...now, nodes: now.nodes.map((node) => (node.nodeId === stuck.nodeId ? stuck : node)) };
  };
  Object.assign(rig.deps, { fleets: { state } });
  return { nodeId: stuck.nodeId, release: () => void Object.assign(rig.deps, { fleets }) };
}
