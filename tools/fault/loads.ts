import type { Undo } from '../../test/support/installation.ts';
import { startLoad } from '../../test/support/load.ts';
import type { Failure } from './history.ts';
import { BACKENDS, hostOf, type Plant } from './plant.ts';

/** Per Envoy and backend and second. */
const RATE = 8;

export interface Loads {
  /** How many were answered by 200; 0 until of every load at least a part was. */
  served(): number;
  /** What failed before, failed before there was anything to serve. */
  begin(): void;
  stop(): Promise<readonly Failure[]>;
}

/** Requests for every backend through every Envoy. */
export function startLoads({ envoys }: Plant, undo: Undo[]): Loads {
  let beginMs = 0;
  const loads = envoys.flatMap(({ nodeId, listenPort }) =>
    BACKENDS.map((backend) => ({
      envoy: nodeId,
      load: startLoad({
        ports: [listenPort],
        host: hostOf(backend),
        path: '/',
        rate: RATE,
        pinned: { every: 10, name: 'x-tester', value: 'yes' },
      }),
    })),
  );
  for (const { load } of loads) undo.push(() => load.stop());
  const good = () => loads.map(({ load }) => load.samples.filter(({ status }) => status === 200).length);
  return {
    served: () => (Math.min(...good()) === 0 ? 0 : good().reduce((sum, count) => sum + count, 0)),
    begin: () => {
      beginMs = Date.now();
    },
    stop: async () => {
      await Promise.all(loads.map(({ load }) => load.stop()));
      return loads.flatMap(({ envoy, load }) =>
        load.samples
          .filter(({ status, sentAtMs }) => status !== 200 && sentAtMs >= beginMs)
          .map(({ sentAtMs, status, servedBy }) => ({ envoy, sentAtMs, status, servedBy })),
      );
    },
  };
}
