import type { RunningProcess } from '../../../test/support/processes.ts';
import { runPinned } from './pinned.ts';
import type { Held } from './push-api.ts';

export interface Ports {
  readonly xds: number;
  readonly http: number;
}

/** Serin's own store and xDS server in a process of their own, on any free ports. */
export async function startSerin(routes: number): Promise<[RunningProcess, Ports]> {
  const args = ['--xds-port', '0', '--http-port', '0', '--routes', String(routes)];
  const [server, ports] = await runPinned(0, 'tools/bench/fanout-server.ts', args);
  return [server, ports as Ports];
}

export async function startFloor(routes: number): Promise<[RunningProcess, Ports & { readonly payloadBytes: number }]> {
  const [server, ports] = await runPinned(0, 'tools/bench/fanout/floor.ts', [String(routes)]);
  return [server, ports as Ports & { payloadBytes: number }];
}

export async function heldBy({ http }: Ports): Promise<Held> {
  const response = await fetch(`http://127.0.0.1:${http}/held`, { signal: AbortSignal.timeout(30_000) });
  return (await response.json()) as Held;
}
