const MAX_LENGTH = 300;
const VALIDATION = 'Proto constraint validation failed';

/**
 * Envoy's reason for a refusal, fit to be shown. Its text may hold the whole resource, headers with secrets
 * included: of such a dump only the end, which names the field and the rule, is kept.
 */
export function nackMessage(text: string): string {
  const reason = text.includes('goo.gle/debug') ? afterDump(text) : text;
  const clean = redact(reason.replace(/[\p{Cc}\s]+/gu, ' ').trim());
  if (clean === '') return 'Envoy gave no reason';
  return clean.length <= MAX_LENGTH ? clean : `${clean.slice(0, MAX_LENGTH - 1)}…`;
}

function afterDump(text: string): string {
  const rule = balanced(text.slice(text.lastIndexOf(': ') + 2).trimEnd());
  // A quote or brace means that this is still the dump, whose fields look like `value: "…"`.
  if (/["{}]/.test(rule)) return 'Envoy refused the resource; its own log has the reason';
  return text.includes(VALIDATION) ? `${VALIDATION}: ${fieldOf(text)}${rule}` : rule;
}

/** `BufferValidationError.MaxRequestBytes` is the innermost message and its field; names of protos alone, nothing of a dump. */
function fieldOf(text: string): string {
  const [, message, field] =
    /\b([A-Za-z]{1,80})ValidationError\.([A-Za-z]{1,80})(?:\[\d{1,9}\])?$/.exec(
      text.slice(0, text.lastIndexOf(': ')).slice(-200),
    ) ?? [];
  return message === undefined ? '' : `${message}.${field}: `;
}

/** Without the closing brackets whose opening ones were cut off. */
function balanced(text: string): string {
  const count = (character: string) => text.split(character).length;
  const surplus = Math.max(0, count(')') - count('('));
  let end = text.length;
  // All in one go: counting again after each would take seconds for a text of brackets.
  while (end > text.length - surplus && text[end - 1] === ')') end -= 1;
  return text.slice(0, end);
}

/** Long runs of key material and what follows the usual names of secrets. */
function redact(text: string): string {
  return text
    .replace(/\b(bearer|basic)\s+[^\s"',;)]+/gi, '$1 [redacted]')
    .replace(
      /\b(authorization|cookie|password|passwd|secret|token|api[-_]?key)("?\s*[:=]\s*"?)[^\s"',;)]+/gi,
      '$1$2[redacted]',
    )
    .replace(/[A-Za-z0-9+/_=-]{40,}/g, '[redacted]');
}
