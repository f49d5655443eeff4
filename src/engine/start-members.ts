import type { BackendState } from '../core/model/backend-state.ts';
import { freshBackend } from '../core/model/backend-state.ts';
import { besideStable, cutRevision } from '../core/model/cut-revision.ts';
import type { BackendDocument, PlanSpec } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { backendsOfPlan } from '../core/model/joint-spec.ts';
import type { Revision } from '../core/model/revision.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { staleBuild, withBuild } from './build-order.ts';
import type { Dependencies } from './dependencies.ts';
import { type Held, loadBackend, loadDocument } from './load.ts';

/** What is to be rolled out of one backend; what is left out is as for all of them. */
export interface BackendTrigger {
  readonly revision?: string | undefined;
  readonly endpoints?: readonly string[] | undefined;
}

interface Asked {
  /** `null`: each backend has one of its own. */
  readonly revision: string | null;
  /** Of the plan's first backend. */
  readonly endpoints: readonly string[] | null;
  /** Of a joint plan, by name. @default nothing that differs */
  readonly backends?: Readonly<Record<string, BackendTrigger>> | undefined;
  readonly build?: number | undefined;
}

/** A backend that a start takes: as it is written, as it stands, and what it is to get. */
export interface StartMember {
  readonly name: string;
  readonly document: BackendDocument;
  /** With the build of this start. */
  readonly state: Held<BackendState>;
  readonly trigger: Rollout['trigger'];
}

/** What each backend of the plan gets; the first one first. */
export function triggersOf(spec: PlanSpec, asked: Asked): Result<readonly Rollout['trigger'][]> {
  const names = backendsOfPlan(spec);
  const unknown = Object.keys(asked.backends ?? {}).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    return fail('SERIN_REQUEST_INVALID', ...notRolled(spec, names, unknown.slice(0, 80)));
  }
  const triggers: Rollout['trigger'][] = [];
  for (const [i, name] of names.entries()) {
    const own = asked.backends?.[name];
    const revision = own?.revision ?? asked.revision;
    if (revision === null) {
      const hint = `Give --revision ${name}=v42, or --revision v42 for all of them.`;
      return fail('SERIN_REQUEST_INVALID', `which revision of ${name} is not said`, { hint });
    }
    triggers.push({ revision, endpoints: own?.endpoints ?? (i === 0 ? asked.endpoints : null) });
  }
  return ok(triggers);
}

/** A variant is taken for a backend where its revision was left out. */
function notRolled({ variants = [] }: PlanSpec, names: readonly string[], unknown: string): [string, { hint: string }] {
  if (variants.includes(unknown)) {
    return [`no revision is given for variant ${unknown}`, { hint: `Give --variant ${unknown}=v43.` }];
  }
  const arms = variants.length === 0 ? '' : ` with the variants ${variants.join(', ')}`;
  return [`the plan rolls out ${names.join(', ')}${arms}, and not "${unknown}"`, { hint: 'Name one that it has.' }];
}

/** Every backend of the plan, the first one first; an error where one of them is not there or has a newer build. */
export async function loadMembers(
  { records }: Pick<Dependencies, 'records'>,
  spec: PlanSpec,
  asked: Asked,
): Promise<Result<readonly StartMember[]>> {
  const triggers = triggersOf(spec, asked);
  if (triggers.kind === 'error') return triggers;
  const members: StartMember[] = [];
  for (const [i, name] of backendsOfPlan(spec).entries()) {
    const trigger = triggers.value[i];
    if (trigger === undefined) continue;
    const doc = await loadDocument(records, 'Backend', name);
    if (doc.kind === 'error') return doc;
    const document = doc.value.body?.document;
    if (document?.kind !== 'Backend') return fail('SERIN_NOT_FOUND', `there is no backend ${name}`);
    const loaded = await loadBackend(records, name);
    if (loaded.kind === 'error') return loaded;
    const { key, rev, body } = loaded.value;
    const before = body ?? freshBackend(name);
    const build = { revision: trigger.revision, build: asked.build };
    const stale = staleBuild(before, build);
    if (stale !== null) return stale;
    members.push({ name, document, trigger, state: { key, rev, body: withBuild(before, build) } });
  }
  return ok(members);
}

/** The revision that a backend gets beside its stable one. */
export function cutCanary({ name, document, state, trigger }: StartMember): Result<Revision> {
  const cut = cutRevision({ backend: name, spec: document.spec, ...trigger });
  return cut.kind === 'error' ? cut : besideStable(cut.value, state.body.stable);
}
