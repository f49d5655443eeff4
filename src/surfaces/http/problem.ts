import { ERRORS, type SerinError } from '../../core/model/errors.ts';
import type { ProblemBody } from '../api/schemas.ts';

/** Errors as RFC 9457 problem details; the first one decides the status. */
export function problem(errors: readonly SerinError[], requestId: string): ProblemBody {
  const first: SerinError = errors[0] ?? { code: 'SERIN_INTERNAL', message: 'no reason given' };
  const { status, hint } = ERRORS[first.code];
  return {
    type: `urn:serin:error:${first.code}`,
    title: first.code,
    status,
    detail: first.message,
    code: first.code,
    hint: first.hint ?? hint,
    requestId,
    errors: errors.map((error) => ({
      code: error.code,
      message: error.message,
      hint: error.hint ?? ERRORS[error.code].hint,
      path: error.path ?? null,
      place: error.place ?? null,
    })),
  };
}
