import { createHmac } from 'node:crypto';

/**
 * Headers of the Standard Webhooks specification: receivers deduplicate by id, refuse old timestamps and check the
 * signature over `id.timestamp.body`. With several secrets each signs, so that a receiver can change over.
 */
export function webhookHeaders(message: {
  readonly id: string;
  readonly nowMs: number;
  readonly body: string;
  readonly secrets: readonly string[];
}): Record<string, string> {
  // The dot separates the signed parts, and a header takes no line break.
  const id = message.id.replace(/[^A-Za-z0-9_-]/g, '_');
  const timestamp = String(Math.floor(message.nowMs / 1000));
  const signatures = message.secrets.map((secret) => {
    const digest = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${message.body}`).digest('base64');
    return `v1,${digest}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    ...(signatures.length === 0 ? {} : { 'webhook-signature': signatures.join(' ') }),
  };
}

/** `whsec_` announces base64; any other secret is taken byte by byte. */
function keyOf(secret: string): Buffer {
  const prefix = 'whsec_';
  return secret.startsWith(prefix) ? Buffer.from(secret.slice(prefix.length), 'base64') : Buffer.from(secret);
}
