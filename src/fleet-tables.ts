import type { XdsServer } from './adapters/xds/xds-server.ts';
import type { ReadinessCheck } from './engine/engine.ts';
import type { Config } from './platform/config.ts';
import type { TableState } from './platform/metrics.ts';

/** Part of the composition root: what is told of the fleets' tables. */

/** Whether the store holds an older table than what was served. */
export function hasRegressed(xds: XdsServer, fleet: string): boolean {
  return xds.refusals().get(fleet)?.errors[0]?.code === 'SERIN_STORE_REGRESSED';
}

/** Per fleet, for the metrics. */
export function tableStates({ fleets }: Config, xds: XdsServer): TableState[] {
  const [loaded, refusals] = [xds.loaded(), xds.refusals()];
  return fleets.map(({ name: fleet }) => {
    if (hasRegressed(xds, fleet)) return { fleet, state: 'regressed' };
    if (refusals.has(fleet)) return { fleet, state: 'refused' };
    return { fleet, state: loaded.includes(fleet) ? 'served' : 'missing' };
  });
}

/** Per fleet, for readiness. */
export function xdsChecks(config: Config, xds: XdsServer): ReadinessCheck[] {
  const loaded = xds.loaded();
  const refusals = xds.refusals();
  return config.fleets.map(({ name }) => {
    const refusal = refusals.get(name);
    const check = { name: `xds/${name}`, roles: ['xds'] } as const;
    const isLoaded = loaded.includes(name);
    // Ready all the same: Envoys keep the last good table, and people need the API to mend the one refused. One that a
    // newer replica serves is none to mend, and an Envoy without a table had better ask that one.
    if (refusal !== undefined) {
      const [first] = refusal.errors;
      const ok = isLoaded || first?.code !== 'SERIN_SCHEMA_NEWER';
      return { ...check, ok, detail: `table refused: ${first?.message ?? 'unknown'}` };
    }
    return { ...check, ok: isLoaded, detail: isLoaded ? 'table loaded' : 'table not loaded yet' };
  });
}
