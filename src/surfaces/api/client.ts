import type { z } from 'zod';
import { ERRORS, type ErrorCode, fail, ok, type Result, type SerinError } from '../../core/model/errors.ts';
import { withDeadline } from '../../platform/with-deadline.ts';
import type { CommandName } from './command-schemas.ts';
import { DecisionPage } from './decision-schemas.ts';
import { EmergencyBody, EmergencyList, OpenEmergencyBody } from './emergency-schemas.ts';
import { EndpointsBody, type SetEndpointsBody } from './endpoints-schemas.ts';
import { ExplanationBody } from './explain-schemas.ts';
import { FleetList, NodeBody, NodeDiffBody, NodeList } from './fleet-schemas.ts';
import {
  AppliedList,
  AuditPage,
  DeadLetterList,
  DocumentBody,
  DocumentList,
  EventList,
  ProblemBody,
  ReconciledBody,
  RolloutBody,
  RolloutList,
} from './schemas.ts';
import { RecordingBody, VerdictList } from './verdict-schemas.ts';

export interface ClientOptions {
  readonly server: string;
  readonly token: string | null;
  /** Deadline of one request, ms. @default 15000 */
  readonly timeoutMs?: number;
  /** Ends every request at once. */
  readonly signal?: AbortSignal;
}

const RECORDING_MS = 300_000;

/** The API, typed. Every outcome is a value; an engine that does not answer is `SERIN_UNREACHABLE`. */
export type Client = ReturnType<typeof createClient>;

export function createClient({ server, token, timeoutMs = 15_000, signal }: ClientOptions) {
  const base = server.replace(/\/+$/, '');

  async function call<T>(
    schema: z.ZodType<T>,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
    deadlineMs = timeoutMs,
  ): Promise<Result<T>> {
    let response: Response;
    let text: string;
    try {
      [response, text] = await withDeadline(deadlineMs, signal, async (ends) => {
        const answer = await fetch(`${base}${path}`, {
          method,
          redirect: 'error',
          signal: ends,
          headers: {
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(token === null ? {} : { authorization: `Bearer ${token}` }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return [answer, await answer.text()];
      });
    } catch (error) {
      return fail('SERIN_UNREACHABLE', `no answer from ${base}: ${reasonOf(error)}`);
    }
    const json = parseJson(text);
    if (!response.ok) return { kind: 'error', errors: problemErrors(json, response.status, base) };
    const parsed = schema.safeParse(json);
    if (parsed.success) return ok(parsed.data);
    return fail('SERIN_UNREACHABLE', `${base} answers, but not as a Serin of this version`);
  }

  const nodePath = (fleet: string, id: string) =>
    `/api/v1/fleets/${encodeURIComponent(fleet)}/nodes/${encodeURIComponent(id)}`;
  const endpointsPath = (backend: string) => `/api/v1/backends/${encodeURIComponent(backend)}/endpoints`;
  const rolloutPath = (id: string) => `/api/v1/rollouts/${encodeURIComponent(id)}`;
  return {
    apply: (files: readonly { file: string; text: string }[], dryRun: boolean, retry = false) =>
      call(
        AppliedList,
        'POST',
        `/api/v1/apply?${new URLSearchParams({ ...(dryRun ? { dryRun: 'true' } : {}), ...(retry ? { retry: 'true' } : {}) })}`,
        { files },
      ),
    documents: (kind: string | null) =>
      call(DocumentList, 'GET', `/api/v1/documents${kind === null ? '' : `?kind=${encodeURIComponent(kind)}`}`),
    document: (kind: string, name: string) =>
      call(DocumentBody, 'GET', `/api/v1/documents/${encodeURIComponent(kind)}/${encodeURIComponent(name)}`),
    remove: (kind: string, name: string) =>
      call(AppliedList, 'DELETE', `/api/v1/documents/${encodeURIComponent(kind)}/${encodeURIComponent(name)}`),
    start: (
      request: {
        plan: string;
        revision?: string;
        endpoints?: readonly string[];
        backends?: Readonly<Record<string, { revision?: string; endpoints?: readonly string[] }>>;
      },
      idempotencyKey: string | null,
    ) =>
      call(
        RolloutBody,
        'POST',
        '/api/v1/rollouts',
        request,
        idempotencyKey === null ? {} : { 'idempotency-key': idempotencyKey },
      ),
    endpoints: (backend: string) => call(EndpointsBody, 'GET', endpointsPath(backend)),
    setEndpoints: (backend: string, request: z.input<typeof SetEndpointsBody>) =>
      call(EndpointsBody, 'PUT', endpointsPath(backend), request),
    undo: (request: { of: string; reason?: string }, idempotencyKey: string) =>
      call(RolloutBody, 'POST', '/api/v1/undo', request, { 'idempotency-key': idempotencyKey }),
    rollouts: (query: Readonly<Record<string, string>>) =>
      call(RolloutList, 'GET', `/api/v1/rollouts?${new URLSearchParams(query)}`),
    rollout: (id: string) => call(RolloutBody, 'GET', rolloutPath(id)),
    /** Answers when the rollout has left `rev`, or after `waitMs` as it is. */
    rolloutAfter: (id: string, rev: number, waitMs: number) =>
      call(
        RolloutBody,
        'GET',
        `${rolloutPath(id)}?afterRev=${rev}&waitMs=${waitMs}`,
        undefined,
        {},
        waitMs + timeoutMs,
      ),
    events: (id: string, after: string | null) =>
      call(EventList, 'GET', `${rolloutPath(id)}/events${after === null ? '' : `?after=${encodeURIComponent(after)}`}`),
    decisions: (id: string, from: number) => call(DecisionPage, 'GET', `${rolloutPath(id)}/decisions?from=${from}`),
    /** Prometheus is asked piece by piece. */
    recording: (id: string) => call(RecordingBody, 'GET', `${rolloutPath(id)}/recording`, undefined, {}, RECORDING_MS),
    explain: (body: unknown) => call(ExplanationBody, 'POST', '/api/v1/explain', body),
    verdicts: (id: string) => call(VerdictList, 'GET', `${rolloutPath(id)}/verdicts`),
    command: (id: string, command: CommandName, body: unknown) =>
      call(RolloutBody, 'POST', `${rolloutPath(id)}/${command}`, body),
    fleets: () => call(FleetList, 'GET', '/api/v1/fleets'),
    nodes: (fleet: string, query: Readonly<Record<string, string>>) =>
      call(NodeList, 'GET', `/api/v1/fleets/${encodeURIComponent(fleet)}/nodes?${new URLSearchParams(query)}`),
    node: (fleet: string, id: string) => call(NodeBody, 'GET', nodePath(fleet, id)),
    nodeDiff: (fleet: string, id: string) => call(NodeDiffBody, 'GET', `${nodePath(fleet, id)}/diff`),
    reconcileStore: (mode: ReconciledBody['mode']) => call(ReconciledBody, 'POST', '/api/v1/store/reconcile', { mode }),
    emergencyStable: (request: { backend: string; reason?: string; force?: boolean }) =>
      call(EmergencyBody, 'POST', '/api/v1/emergency/stable', request),
    emergencies: () => call(EmergencyList, 'GET', '/api/v1/emergency'),
    endEmergency: (backend: string) => call(OpenEmergencyBody, 'POST', '/api/v1/emergency/end', { backend }),
    audit: (query: Readonly<Record<string, string>>) =>
      call(AuditPage, 'GET', `/api/v1/audit?${new URLSearchParams(query)}`),
    deadLetters: () => call(DeadLetterList, 'GET', '/api/v1/dead-letters'),
  };
}

function problemErrors(json: unknown, status: number, base: string): readonly SerinError[] {
  const problem = ProblemBody.safeParse(json);
  if (!problem.success || problem.data.errors.length === 0) {
    return [{ code: 'SERIN_UNREACHABLE', message: `${base} answers with HTTP ${status}, but not as a Serin` }];
  }
  return problem.data.errors.map(({ code, message, hint, path, place }) => ({
    code: Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'SERIN_INTERNAL',
    message,
    hint,
    ...(path === null ? {} : { path }),
    ...(place === null ? {} : { place }),
  }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error.name === 'TimeoutError') return 'timed out';
  const cause = error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : '';
  // The message may quote what was sent, the token with it.
  return cause === '' ? 'the request could not be sent' : cause;
}
