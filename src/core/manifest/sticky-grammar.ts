import { z } from 'zod';
import { isSplit, type StepSpec } from '../model/documents.ts';
import type { StickySpec } from '../model/sticky.ts';
import { choice, defined, duration, fields } from './fields.ts';
import { isHeaderName, NO_HEADER_NAME } from './match-grammar.ts';

/** `sticky`: what keeps a user with one arm. */

/** A name that is a token of RFC 6265, and needs no quoting anywhere. */
const cookieName = z.string('expected the name of a cookie').regex(/^[A-Za-z0-9_-]{1,64}$/, {
  error: 'expected the name of a cookie: letters, digits, "_", "-", at most 64',
});

/** They are other ones with every request of a user. */
const CHANGING = ['x-request-id', 'traceparent', 'tracestate', 'cookie', 'x-forwarded-for', 'date', 'content-length'];

const hash = fields({
  header: z.string('expected the name of a header').optional(),
  cookie: cookieName.optional(),
  issuedBy: choice(['application']).optional(),
}).transform((raw, ctx): StickySpec => {
  const complain = (message: string, ...path: string[]) => {
    ctx.addIssue({ code: 'custom', message, path });
    return z.NEVER;
  };
  if ((raw.header === undefined) === (raw.cookie === undefined)) return complain('expected either header or cookie');
  if (raw.header !== undefined) {
    const name = raw.header.toLowerCase();
    if (!isHeaderName(name)) return complain(NO_HEADER_NAME, 'header');
    if (CHANGING.includes(name)) return complain(`${name} differs from request to request of one user`, 'header');
    if (raw.issuedBy !== undefined) return complain('issuedBy is for cookies', 'issuedBy');
    return { by: 'hash', key: { by: 'header', name } };
  }
  if (raw.issuedBy === undefined) {
    const message =
      'nobody issues this cookie: Envoy hashes cookies and makes none. ' +
      'Say issuedBy: application where your service sets it, or sticky.cookie for one that Serin issues';
    return complain(message, 'cookie');
  }
  return { by: 'hash', key: { by: 'cookie', name: raw.cookie ?? '' } };
});

const cookie = fields({
  name: cookieName.optional(),
  maxAge: duration({ min: '1m', max: '400d' }).optional(),
}).transform(({ name, maxAge }): StickySpec => defined({ by: 'cookie' as const, name, maxAgeMs: maxAge }));

export const StickyGrammar: z.ZodType<StickySpec> = fields({
  cookie: cookie.optional(),
  hash: hash.optional(),
}).transform((raw, ctx): StickySpec => {
  const [only, second] = [raw.cookie, raw.hash].filter((one) => one !== undefined);
  if (only !== undefined && second === undefined) return only;
  ctx.addIssue({ code: 'custom', message: 'expected either cookie or hash' });
  return z.NEVER;
});

/** Once users have an arm, what tells it must not change under them: index of the first step where it does. */
export function stickyChange(steps: readonly Pick<StepSpec, 'weight' | 'sticky'>[]): number | null {
  let before: string | null = null;
  for (const [i, step] of steps.entries()) {
    if (!isSplit(step)) continue;
    const now = step.sticky === undefined ? null : JSON.stringify(step.sticky);
    if (before !== null && now !== before) return i;
    before = now;
  }
  return null;
}
