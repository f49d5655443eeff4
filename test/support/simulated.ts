import { parseDocuments } from '../../src/core/manifest/parse-documents.ts';
import type { Document, PlanDocument } from '../../src/core/model/documents.ts';
import type { Result } from '../../src/core/model/errors.ts';
import { parseWorld } from '../../src/core/simulation/parse-world.ts';
import { play, type Run } from '../../src/core/simulation/play.ts';
import { longestRunMs, releaseOf } from '../../src/core/simulation/release.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';

/** Route and Backend of a shop, for plans that need some. */
export const SHOP = `
apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec: { fleet: edge, hostnames: [shop.example.com], rules: [{ name: all, backend: shop, timeout: 5s }] }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec: { endpoints: { dns: "shop-{{ revision }}.internal:8080" }, initial: { revision: v1 } }
---
`;

/** A Plan of the shop; `spec` is indented by two. */
export function shopPlan(spec: string): string {
  return `${SHOP}apiVersion: serin.dev/v1\nkind: Plan\nmetadata: { name: shop }\nspec:\n  backend: shop\n${spec}`;
}

/** The shop and its cart in a joint Plan; `spec` is indented by two. */
export function jointPlan(spec: string): string {
  return `${SHOP}${CART}apiVersion: serin.dev/v1\nkind: Plan\nmetadata: { name: release }\nspec:\n  backends: [shop, cart]\n${spec}`;
}

const CART = `apiVersion: serin.dev/v1
kind: Route
metadata: { name: cart }
spec: { fleet: inner, hostnames: [cart.internal], rules: [{ name: all, backend: cart, timeout: 5s }] }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: cart }
spec: { endpoints: { dns: "cart-{{ revision }}.internal:8080" }, initial: { revision: v1 } }
---
`;

/** A test of two arms beside stable, with a query that is asked of each and a readout that decides. */
export const TESTED = shopPlan(`  variants: [green]
  strategy:
    steps:
      - { name: test, weights: { stable: 34, canary: 33, green: 33 }, hold: 20m, sticky: { cookie: { name: arm, maxAge: 1d } } }
  analysis:
    - use: error-rate
    - { name: lost, query: "lost{revision='{{ canary.revision }}'}", max: 1 }
  readout:
    - { name: bought, users: "u{a='{{ arm.revision }}'}", successes: "s{a='{{ arm.revision }}'}" }
  deadline: 3h
`);

export function documentsOf(text: string): { readonly documents: readonly Document[]; readonly plan: PlanDocument } {
  const documents = certain(parseDocuments([{ file: 'plan.yaml', text }], shippedStrategies())).map(
    ({ document }) => document,
  );
  const plan = documents.find((document): document is PlanDocument => document.kind === 'Plan');
  if (plan === undefined) throw new Error('there is no plan in these documents');
  return { documents, plan };
}

/** Plays one seed of a plan in a world, both as their files say. */
export function simulated(planText: string, worldText: string, seed = 1, forMs?: number): Run {
  const { documents, plan } = documentsOf(planText);
  const world = certain(parseWorld({ file: 'world.yaml', text: worldText }, plan.spec));
  const which = { revision: 'v2', stable: null, startsAtMs: world.startsAtMs };
  return play(certain(releaseOf(documents, plan, which)), world, seed, forMs ?? longestRunMs(plan.spec, world));
}

/** What a run told of, without what it waited for. */
export function told(run: Run): readonly string[] {
  return run.entries.filter(({ kind }) => kind !== 'waits').map(({ message }) => message);
}

function certain<T>(result: Result<T>): T {
  if (result.kind === 'error') throw new Error(JSON.stringify(result.errors));
  return result.value;
}
