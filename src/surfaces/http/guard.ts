import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { SerinError } from '../../core/model/errors.ts';

export interface GuardOptions {
  /** Bound to loopback: then only loopback names may stand in Host (DNS rebinding). */
  readonly loopback: boolean;
  readonly tokens: readonly { readonly name: string; readonly sha256: string }[];
}

export type Guarded =
  | { readonly kind: 'pass'; readonly by: string }
  | { readonly kind: 'stop'; readonly error: SerinError };

const LOOPBACK_HOST = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/;

/** Who is calling, or why the call ends here. Runs before anything of the body is read. */
export function guard(request: FastifyRequest, options: GuardOptions): Guarded {
  const host = request.headers.host ?? '';
  if (options.loopback && !LOOPBACK_HOST.test(host)) {
    return stop(
      'SERIN_FORBIDDEN',
      'the Host header names no loopback address',
      'Use the address that Serin listens on.',
    );
  }
  const origin = request.headers.origin;
  if (origin !== undefined && !sameOrigin(origin, host)) {
    return stop(
      'SERIN_FORBIDDEN',
      'the call comes from another origin',
      'Browsers of other sites may not use this API.',
    );
  }
  if (options.tokens.length === 0) return { kind: 'pass', by: 'local' };
  const token = /^Bearer ([A-Za-z0-9._~+/=-]{1,512})$/.exec(request.headers.authorization ?? '')?.[1];
  const digest = createHash('sha256')
    .update(token ?? '')
    .digest();
  // Every token is compared, so that the time tells nothing.
  let by: string | null = null;
  for (const { name, sha256 } of options.tokens) {
    if (timingSafeEqual(digest, Buffer.from(sha256, 'hex')) && token !== undefined) by = name;
  }
  return by === null ? stop('SERIN_UNAUTHENTICATED', 'a valid token is required') : { kind: 'pass', by };
}

function sameOrigin(origin: string, host: string): boolean {
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}

function stop(code: SerinError['code'], message: string, hint?: string): Guarded {
  return { kind: 'stop', error: { code, message, ...(hint === undefined ? {} : { hint }) } };
}
