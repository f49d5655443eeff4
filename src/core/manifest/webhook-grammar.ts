import { z } from 'zod';
import { SHUT_POLICIES, WEBHOOK_DEFAULTS, type WebhookSpec } from '../model/documents.ts';
import { choice, duration, fields, label, text } from './fields.ts';

const MOST_METADATA = 16;
const METADATA_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/;

/** Where the hook is, and what it is told of secrets, stands in `serin.yaml`: plans are read by many. */
const terms = fields({
  target: label,
  every: duration({ min: '1s', max: '1h' }).optional(),
  timeout: duration({ min: '100ms', max: '1m' }).optional(),
  within: duration({ min: '1s', max: '30d' }).optional(),
  otherwise: choice(SHUT_POLICIES).optional(),
  metadata: z
    .record(z.string(), text(256), 'expected a mapping of texts')
    .superRefine((given, ctx) => {
      const names = Object.keys(given);
      if (names.length > MOST_METADATA) ctx.addIssue({ code: 'custom', message: `at most ${MOST_METADATA}` });
      for (const name of names.filter((one) => !METADATA_NAME.test(one))) {
        const message = 'expected a name of letters, digits, "_", ".", "-", at most 63';
        ctx.addIssue({ code: 'custom', message, path: [name] });
      }
    })
    .optional(),
}).transform(({ target, every, timeout, within, otherwise, metadata }, ctx): WebhookSpec => {
  if (otherwise !== undefined && within === undefined) {
    ctx.addIssue({ code: 'custom', message: 'it never comes to that without within', path: ['otherwise'] });
  }
  return {
    target,
    everyMs: every ?? WEBHOOK_DEFAULTS.everyMs,
    timeoutMs: timeout ?? WEBHOOK_DEFAULTS.timeoutMs,
    withinMs: within ?? null,
    otherwise: otherwise ?? 'rollback',
    ...(metadata === undefined || Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
});

export const WebhookGrammar: z.ZodType<WebhookSpec> = terms;
