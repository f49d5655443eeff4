import { LAST_SCRAPE } from './plan.ts';
import type { RecordedScrape } from './recorder.ts';
import type { ProxyTraffic } from './traffic.ts';
import type { World } from './world.ts';

/** One scrape as a judge sees it. */
export interface Look {
  /** Scrapes since the canary got its first traffic, this one included. */
  readonly scrape: number;
  readonly tS: number;
  readonly weight: number;
  readonly proxies: readonly ProxyTraffic[];
  readonly fleet: ProxyTraffic;
  /** What a recording would hold of it, where the world disturbs its scrapes. */
  readonly line: RecordedScrape | null;
  /** How far the plan has been walked, in scrapes. */
  readonly clock: number;
}

/** `scrapes`: how far the clock of the plan moves on. */
export type Call =
  | { readonly kind: 'rollback' }
  | { readonly kind: 'promote' }
  | { readonly kind: 'go'; readonly scrapes: number };

/** The fifteen minutes before: the baseline alone. */
export interface History {
  readonly fleets: readonly ProxyTraffic[];
  readonly lines: readonly RecordedScrape[];
}

/** A judge for one rollout. */
export interface Contestant {
  readonly look: (look: Look) => Call;
}

export interface Contest {
  readonly name: string;
  readonly enter: (world: World, history: History) => Contestant;
  /** Not every judge is asked in every world. */
  readonly plays: (world: World) => boolean;
  /** Share of the replications: of all, and of a quick run. */
  readonly share: { readonly full: number; readonly quick: number };
}

export const ROLLBACK: Call = { kind: 'rollback' };

/** A judge that is content walks on; at the end of the plan it promotes. */
export function content({ clock }: Look, scrapes: number): Call {
  return clock + scrapes >= LAST_SCRAPE ? { kind: 'promote' } : { kind: 'go', scrapes };
}

/** Nothing to say yet; the clock of the plan stands still. */
export const WAIT: Call = { kind: 'go', scrapes: 0 };
