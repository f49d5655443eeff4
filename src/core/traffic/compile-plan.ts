import type { Document, PlanDocument } from '../model/documents.ts';
import { fail, ok, type Result, type SerinError } from '../model/errors.ts';
import { backendsOfPlan } from '../model/joint-spec.ts';
import type { BackendTraffic, FleetTable } from '../model/traffic.ts';
import { buildResources } from './build-resources.ts';
import type { EnvoyResources } from './envoy-resources.ts';
import { type PatchedResource, patchedResources } from './patched-resources.ts';
import type { PreviewStep } from './preview-step.ts';
import { previewTables } from './preview-table.ts';

export interface PlanPreview {
  readonly documents: readonly Document[];
  readonly plan: PlanDocument;
  readonly revision: string;
  /** Name of what is stable, where the backend does not say. */
  readonly stable: string | null;
}

/** What the Envoys of one fleet get at one step. */
export interface CompiledStep {
  readonly step: PreviewStep;
  readonly fleet: string;
  readonly table: FleetTable;
  /** Of the plan's backends that are in this fleet. */
  readonly traffics: readonly BackendTraffic[];
  readonly resources: EnvoyResources;
  /** Which of them are not as Serin alone would write them. */
  readonly patched: readonly PatchedResource[];
}

/** From before the first step to behind the last. */
export function allSteps({ spec }: PlanDocument): readonly PreviewStep[] {
  return ['preparing', ...spec.strategy.steps.keys(), 'promoting'];
}

/** Of every fleet whose routes name the plan's backend, by step and then by name: as the xDS server would build it. */
export function compilePlan(
  { documents, plan, revision, stable }: PlanPreview,
  steps: readonly PreviewStep[],
): Result<readonly CompiledStep[]> {
  const backends = backendsOfPlan(plan.spec);
  const absent = backends.find(
    (backend) => !documents.some(({ kind, name }) => kind === 'Backend' && name === backend),
  );
  if (absent !== undefined) return missing(`the files have no Backend ${absent}, which plan ${plan.name} rolls out`);
  const compiled: CompiledStep[] = [];
  for (const step of steps) {
    const tables = previewTables({ documents, rolling: { plan, step, revision }, stable });
    if (tables.kind === 'error') return tables;
    for (const table of tables.value) {
      const traffics = backends.flatMap((backend) => {
        const traffic = table.owners.get(`backend/${backend}`)?.value;
        return traffic?.kind === 'backend' ? [traffic] : [];
      });
      if (traffics.length === 0) continue;
      const built = buildResources(table);
      if (built.kind === 'error') return { kind: 'error', errors: built.errors.map(ofTheFiles) };
      const resources = built.value;
      const patched = patchedResources(table, resources);
      compiled.push({ step, fleet: table.fleet, table, traffics, resources, patched });
    }
  }
  return compiled.length === 0 && steps.length > 0
    ? missing(`no Route in the files sends requests to backend ${backends.join(', ')}`)
    : ok(compiled);
}

function missing(message: string) {
  return fail('SERIN_REQUEST_INVALID', message, { hint: 'Name the files with the Routes and the Backend, too.' });
}

/** In the engine it is a bug that documents contradict each other here; files were not held against one another yet. */
function ofTheFiles({ message }: SerinError): SerinError {
  return { code: 'SERIN_DOCUMENT_INVALID', message, hint: 'These documents cannot be in force together.' };
}
