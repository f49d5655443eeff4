/**
 * The one catalogue of errors. `docs/errors.md` is generated from it and a test keeps both equal.
 * Exit codes: `docs/cli.md`. A message never quotes foreign text that was not redacted and truncated.
 */
export const ERRORS = {
  SERIN_YAML_SYNTAX: { status: 400, exit: 2, hint: 'Fix the YAML at the place named.' },
  SERIN_YAML_REFUSED: {
    status: 400,
    exit: 2,
    hint: 'Write plain YAML: no anchors, aliases, tags, directives or duplicate keys.',
  },
  SERIN_YAML_TOO_LARGE: { status: 413, exit: 2, hint: 'A file may hold 256 KiB, 100 documents and 32 levels.' },
  SERIN_DOCUMENT_INVALID: { status: 400, exit: 2, hint: 'See docs/documents.md for the fields of each kind.' },
  SERIN_UNKNOWN_REFERENCE: { status: 400, exit: 2, hint: 'Apply the document it names first, or correct the name.' },
  SERIN_REQUEST_INVALID: { status: 400, exit: 2, hint: 'See /openapi.json for the shape of the request.' },
  SERIN_ANALYSIS_FILE_INVALID: { status: 400, exit: 2, hint: 'See docs/judging.md for the format of the file.' },
  SERIN_WORLD_INVALID: { status: 400, exit: 2, hint: 'See docs/plan-simulation.md for what a world says.' },
  SERIN_CONFIG_INVALID: { status: 500, exit: 2, hint: 'See docs/configuration.md.' },
  SERIN_NOT_FOUND: { status: 404, exit: 2, hint: 'List what exists with `serin rollout list` or `serin get`.' },
  SERIN_UNAUTHENTICATED: { status: 401, exit: 7, hint: 'Send a token: SERIN_TOKEN or --token-file.' },
  SERIN_FORBIDDEN: {
    status: 403,
    exit: 7,
    hint: 'This engine does not allow it from here; see docs/configuration.md.',
  },
  SERIN_RAW_ENVOY_OFF: {
    status: 403,
    exit: 7,
    hint: 'Leave rawEnvoy out, or ask whoever runs this Serin; `serin plan validate` reads the switch by -c serin.yaml.',
  },
  SERIN_CONFLICT: { status: 409, exit: 8, hint: 'Look at the present state, then decide again.' },
  SERIN_ROLLOUT_ACTIVE: { status: 409, exit: 8, hint: 'Wait for the active rollout, or abort it first.' },
  SERIN_STALE_TRIGGER: {
    status: 409,
    exit: 8,
    hint: 'Leave it: a newer build has begun. To go back on purpose, start it without a build number.',
  },
  SERIN_PHASE_CONFLICT: { status: 409, exit: 8, hint: 'The rollout is in a phase where this is not possible.' },
  SERIN_GATE_CONFLICT: {
    status: 409,
    exit: 8,
    hint: 'Read the open gate with `serin rollout get` and approve that one.',
  },
  SERIN_IN_USE: { status: 409, exit: 8, hint: 'Remove or change what uses it first.' },
  SERIN_IDEMPOTENCY_MISMATCH: { status: 422, exit: 8, hint: 'Use a new Idempotency-Key for a different request.' },
  SERIN_ENVOY_REJECTED: {
    status: 422,
    exit: 2,
    hint: 'Envoy refused the change and it was taken back; correct the document.',
  },
  SERIN_NOT_WARM: { status: 409, exit: 8, hint: 'Start a rollout of the revision that you want back.' },
  SERIN_NOT_READY: { status: 409, exit: 8, hint: 'What the rollout needs is missing; the message names it.' },
  SERIN_STORE_UNAVAILABLE: {
    status: 503,
    exit: 6,
    hint: 'Redis does not answer. Look at the present state, then try again.',
  },
  SERIN_STORE_NOT_EMPTY: {
    status: 409,
    exit: 8,
    hint: 'Export what it holds, then import with --replace; or name an empty Redis.',
  },
  SERIN_STORE_DAMAGED: {
    status: 500,
    exit: 1,
    hint: 'Something else than Serin wrote there. Mend or delete what is named, or import a backup.',
  },
  SERIN_EXPORT_INVALID: { status: 400, exit: 2, hint: 'Take the whole file that `serin store export` has written.' },
  SERIN_SCHEMA_NEWER: { status: 503, exit: 2, hint: 'A newer Serin has written it; use that version or a newer one.' },
  SERIN_STORE_REGRESSED: {
    status: 503,
    exit: 1,
    hint: 'Nothing moves until a person decides: `serin store reconcile`. See docs/store.md.',
  },
  SERIN_METRICS_UNAVAILABLE: {
    status: 503,
    exit: 6,
    hint: 'Bring Prometheus back, or see docs/judging.md for what the message means.',
  },
  SERIN_REPLAY_REFUSED: {
    status: 409,
    exit: 8,
    hint: 'Ask another replica (--server), or take --adopt or --stable. See docs/store.md.',
  },
  SERIN_UNREACHABLE: { status: 503, exit: 6, hint: 'Is the engine running? Set --server or SERIN_SERVER.' },
  SERIN_TIMEOUT: { status: 504, exit: 5, hint: 'The rollout goes on; wait again or look at it later.' },
  SERIN_INTERNAL: { status: 500, exit: 1, hint: 'A bug in Serin; please report it with the request id.' },
} as const satisfies Record<string, { status: number; exit: number; hint: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** A place in a file the user wrote; line and column count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface SerinError {
  readonly code: ErrorCode;
  /** One sentence: what is wrong, what was expected. */
  readonly message: string;
  /** Overrides the catalogue's hint where something more exact is known. */
  readonly hint?: string;
  /** Path inside the document, `spec.strategy.steps[2].weight`. */
  readonly path?: string;
  readonly place?: SourcePlace;
}

export type Result<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'error'; readonly errors: readonly SerinError[] };

export function ok<T>(value: T): Result<T> {
  return { kind: 'ok', value };
}

export function fail(
  code: ErrorCode,
  message: string,
  more: Omit<SerinError, 'code' | 'message'> = {},
): { readonly kind: 'error'; readonly errors: readonly SerinError[] } {
  return { kind: 'error', errors: [{ code, message, ...more }] };
}
