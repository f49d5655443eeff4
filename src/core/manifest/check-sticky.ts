import { type Document, isSplit, type PlanDocument, type RouteDocument } from '../model/documents.ts';
import { targetsOf } from '../model/route-rule.ts';
import type { StickySpec } from '../model/sticky.ts';
import { cookieNameOf } from '../traffic/sticky-arms.ts';

/** What keeps the stickiness of plans from holding on the routes there are. `route`: index of the rule. */
export interface StickyClash {
  readonly plan: string;
  readonly route: string;
  readonly rule: number;
  readonly message: string;
}

type Sticky = { readonly plan: PlanDocument; readonly sticky: StickySpec };

export function stickyClashes(documents: readonly Document[]): readonly StickyClash[] {
  const plans = documents.filter((one): one is PlanDocument => one.kind === 'Plan');
  const sticky = plans.flatMap((plan): Sticky[] => {
    const found = plan.spec.strategy.steps.find((step) => step.sticky !== undefined && isSplit(step))?.sticky;
    return found === undefined ? [] : [{ plan, sticky: found }];
  });
  if (sticky.length === 0) return [];
  const routes = documents.filter((one): one is RouteDocument => one.kind === 'Route');
  return routes.flatMap((route) => clashesOf(route, sticky));
}

function clashesOf({ name: route, spec }: RouteDocument, sticky: readonly Sticky[]): StickyClash[] {
  /** Of the whole host: a cookie of one path is sent to the others too. */
  const cookies = new Map<string, string>();
  return spec.rules.flatMap((rule, i): StickyClash[] => {
    const backends = new Set(targetsOf(rule).map(({ backend }) => backend));
    const keys = new Map<string, string>();
    const { response } = rule.headers ?? {};
    const dropsCookies = [...(response?.remove ?? []), ...(response?.set ?? []).map(({ name }) => name)].includes(
      'set-cookie',
    );
    return sticky.flatMap(({ plan, sticky: spec }): StickyClash[] => {
      const { backend } = plan.spec;
      if (!backends.has(backend)) return [];
      const clash = (message: string) => [{ plan: plan.name, route, rule: i, message }];
      const mine = spec.by === 'cookie' ? cookieNameOf(spec, backend) : JSON.stringify(spec.key);
      const taken = spec.by === 'cookie' ? cookies : keys;
      const other = spec.by === 'cookie' ? taken.get(mine) : [...taken].find(([key]) => key !== mine)?.[1];
      taken.set(mine, other ?? backend);
      if (other !== undefined && other !== backend) {
        return spec.by === 'cookie'
          ? clash(`backends ${other} and ${backend} would overwrite each other's cookie ${mine}`)
          : clash(`backends ${other} and ${backend} share a rule, and Envoy takes one hash for both`);
      }
      return spec.by === 'cookie' && dropsCookies
        ? clash(`rule ${rule.name} takes set-cookie out of the answers, so nobody would get the cookie ${mine}`)
        : [];
    });
  });
}
