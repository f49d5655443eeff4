import { z } from 'zod';
import type { PlanSpec } from '../model/documents.ts';
import { MAX_JOINT_BACKENDS } from '../model/joint-spec.ts';
import type { WantedRevision } from '../model/plan-trigger.ts';
import { documentName, fields } from './fields.ts';
import { WantedRevisionGrammar } from './revision-grammar.ts';

/** Written anew on every request, it must be one that nothing else reads: Envoy refuses `host`, and the rest break requests. */
const TAKEN = [
  ...['host', 'connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'],
  ...['content-length', 'content-type', 'content-encoding', 'accept', 'accept-encoding', 'range'],
  ...['authorization', 'proxy-authorization', 'cookie', 'origin', 'user-agent', 'referer', 'date'],
  ...['x-request-id', 'x-forwarded-for', 'x-forwarded-proto', 'forwarded', 'traceparent', 'tracestate'],
];
const TAKEN_PREFIXES = ['x-envoy-', 'grpc-'];

const isFree = (name: string): boolean =>
  !TAKEN.includes(name) && !TAKEN_PREFIXES.some((prefix) => name.startsWith(prefix));

const headerName = z
  .string('expected the name of a header')
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected the name of a header: lower-case letters, digits and "-"')
  .refine(isFree, 'expected a header of its own, like x-serin-arm: every request gets another value in this one');

/** A plan has one backend, or several that roll together; and perhaps says what they are to get. */
export const jointFields = {
  backend: documentName.optional(),
  backends: z
    .array(documentName, 'expected a list of backends')
    .min(2, 'expected at least two: one alone is a backend')
    .max(MAX_JOINT_BACKENDS, `at most ${MAX_JOINT_BACKENDS} backends`)
    .optional(),
  colour: fields({ header: headerName }).optional(),
  revision: WantedRevisionGrammar.optional(),
};

interface Backends {
  readonly backend?: string | undefined;
  readonly backends?: readonly string[] | undefined;
  readonly colour?: { readonly header: string } | undefined;
  readonly revision?: WantedRevision | undefined;
}

export function hasBackend({ backend, backends }: Backends): boolean {
  return backend !== undefined || backends !== undefined;
}

/** Said beside whatever else is wrong. */
export const NO_BACKEND = {
  path: ['backend'],
  error: 'expected a name, or backends with several',
  when: ({ value }: z.core.ParsePayload): boolean => typeof value === 'object' && value !== null,
};

interface Raw extends Backends {
  readonly readout?: unknown;
  readonly onNewRevision?: string | undefined;
}

/** What a joint plan cannot be told, each with its place. */
export function checkJoint(raw: Raw, ctx: z.RefinementCtx): void {
  const wrong = (message: string, ...path: (string | number)[]) => ctx.addIssue({ code: 'custom', message, path });
  const { backend, backends } = raw;
  if (backends === undefined) {
    if (raw.colour !== undefined) wrong('a colour is carried from one of several backends to the others', 'colour');
    return;
  }
  if (backend !== undefined) wrong('expected either backend or backends, with all of them', 'backend');
  const twice = backends.findIndex((name, i) => backends.indexOf(name) < i);
  if (twice !== -1) wrong(`${backends[twice]} is in the list already`, 'backends', twice);
  // Each would need an answer for the others that roll with it.
  if (raw.readout !== undefined) wrong('a readout compares the arms of one backend, not of several', 'readout');
  if (raw.onNewRevision !== undefined && raw.onNewRevision !== 'reject')
    wrong('backends that roll together are started together or not at all: expected reject', 'onNewRevision');
}

export function jointOf({
  backend: one = '',
  backends = [one],
  colour,
  revision,
}: Backends): Pick<PlanSpec, 'backend' | 'joint' | 'revision'> {
  const [backend = '', ...others] = backends;
  const wanted = revision === undefined ? {} : { revision };
  if (others.length === 0) return { backend, ...wanted };
  return { backend, joint: { others, ...(colour === undefined ? {} : { colour }) }, ...wanted };
}
