import type { EnvoyProcess } from '../../test/support/envoy-process.ts';
import type { WeightSight } from './history.ts';

const LOOK_MS = 250;

interface Dump {
  readonly configs?: readonly {
    readonly route_config?: {
      readonly virtual_hosts?: readonly {
        readonly domains: readonly string[];
        readonly routes?: readonly DumpedRoute[];
      }[];
    };
  }[];
}

interface DumpedRoute {
  readonly name?: string;
  readonly route?: {
    readonly weighted_clusters?: { readonly clusters: readonly { readonly name: string; readonly weight?: number }[] };
  };
}

/** Asks every Envoy, over and over, how it splits the requests of each backend. */
export function weightWatch(envoys: readonly EnvoyProcess[]): {
  readonly sights: readonly WeightSight[];
  stop(): void;
} {
  const sights: WeightSight[] = [];
  const last = new Map<string, WeightSight & { lastAskedAtMs: number }>();
  let stopped = false;
  const look = async ({ nodeId, adminPort }: EnvoyProcess) => {
    const askedAtMs = Date.now();
    const response = await fetch(`http://127.0.0.1:${adminPort}/config_dump?resource=dynamic_route_configs`, {
      signal: AbortSignal.timeout(2_000),
    });
    const dump = (await response.json()) as Dump;
    const atMs = Date.now();
    for (const [backend, split] of splits(dump)) {
      const key = `${nodeId} ${backend}`;
      const before = last.get(key);
      if (before !== undefined && JSON.stringify(before.split) === JSON.stringify(split)) {
        before.lastAskedAtMs = askedAtMs;
        continue;
      }
      const sight = { envoy: nodeId, backend, atMs, lastAskedAtMs: askedAtMs, split };
      last.set(key, sight);
      sights.push(sight);
    }
  };
  const loop = async (envoy: EnvoyProcess) => {
    while (!stopped) {
      // One that is killed or stopped is asked again.
      await look(envoy).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
  for (const envoy of envoys) void loop(envoy);
  return {
    sights,
    stop: () => {
      stopped = true;
    },
  };
}

/** By backend, arms without a weight left out. Routes are named after their rule, and rules after their backend. */
function splits(dump: Dump): [string, Record<string, number>][] {
  const hosts = dump.configs?.flatMap(({ route_config: config }) => config?.virtual_hosts ?? []) ?? [];
  return hosts.flatMap(({ routes = [] }) =>
    routes.flatMap(({ name = '', route }): [string, Record<string, number>][] => {
      const clusters = route?.weighted_clusters?.clusters;
      if (clusters === undefined || !/-\d+$/.test(name)) return [];
      const arms = clusters.flatMap(({ name: cluster, weight = 0 }) =>
        weight > 0 ? [[cluster, weight] as const] : [],
      );
      return [[name.replace(/-\d+$/, ''), Object.fromEntries(arms)]];
    }),
  );
}
