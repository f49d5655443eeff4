import { ok, type Result } from '../../../core/model/errors.ts';
import { isObject } from '../../../core/model/is-object.ts';
import { unifiedDiff } from '../../../core/model/line-diff.ts';
import { compilePlan, type PlanPreview } from '../../../core/traffic/compile-plan.ts';
import type { PatchedResource } from '../../../core/traffic/patched-resources.ts';
import type { PreviewStep } from '../../../core/traffic/preview-step.ts';
import type { ResourcesJson } from '../../../core/traffic/static-bootstrap.ts';
import type { CliContext } from '../command-context.ts';

/** The resources of each fleet as text, by its name. */
type Fleets = ReadonlyMap<string, string>;

/** What each step gives to each fleet, in lines that can be compared. */
export function resourceTexts(
  { envoyJson }: CliContext,
  preview: PlanPreview,
  steps: readonly PreviewStep[],
): Result<ReadonlyMap<PreviewStep, Fleets>> {
  if (steps.length === 0) return ok(new Map());
  const compiled = compilePlan(preview, steps);
  if (compiled.kind === 'error') return compiled;
  const toJson = envoyJson();
  const texts = new Map<PreviewStep, Map<string, string>>(steps.map((step) => [step, new Map()]));
  for (const { step, fleet, resources, patched } of compiled.value) {
    const { clusters, endpoints, routes } = marked(toJson(resources), patched);
    texts.get(step)?.set(fleet, JSON.stringify({ clusters, endpoints, routes }, null, 2));
  }
  return ok(texts);
}

/** What is not as Serin alone would write it says so in a line of its own, that a diff shows with it. */
function marked({ clusters, routes, ...rest }: ResourcesJson, patched: readonly PatchedResource[]): ResourcesJson {
  const mark = (kind: PatchedResource['kind'], one: Json, host?: unknown): Json => {
    const found = patched.find((patch) => patch.kind === kind && patch.name === one.name && patch.host === host);
    return found === undefined ? one : { '# patched by': found.by, ...one };
  };
  return {
    ...rest,
    clusters: clusters.map((one) => mark('cluster', one)),
    routes: routes.map((table) => ({
      ...table,
      virtualHosts: jsons(table.virtualHosts).map((host) =>
        mark('virtual host', { ...host, routes: jsons(host.routes).map((route) => mark('route', route, host.name)) }),
      ),
    })),
  };
}

type Json = ResourcesJson['clusters'][number];

function jsons(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export interface FleetDiff {
  readonly fleet: string;
  readonly diff: string;
}

interface Side {
  readonly label: string;
  /** `undefined`: this side has no such step. */
  readonly fleets: Fleets | undefined;
}

/** Of those fleets that get something else. */
export function diffFleets(before: Side, after: Side): readonly FleetDiff[] {
  const names = [...new Set([...(before.fleets?.keys() ?? []), ...(after.fleets?.keys() ?? [])])].sort();
  return names.flatMap((fleet) => {
    const lines = ({ fleets }: Side) => fleets?.get(fleet)?.split('\n') ?? [];
    const hunks = unifiedDiff(lines(before), lines(after));
    if (hunks.length === 0) return [];
    const head = [`--- fleet ${fleet}, ${before.label}`, `+++ fleet ${fleet}, ${after.label}`];
    return [{ fleet, diff: `${[...head, ...hunks].join('\n')}\n` }];
  });
}
