const MAX_LENGTH = 300;

/** Prometheus' own words, fit to be shown: one line, short, without credentials in URLs or ours. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  for (const secret of secrets) {
    if (secret !== '') clean = clean.replaceAll(secret, '[redacted]');
  }
  clean = clean.replace(/\/\/[^\s/@]*@/g, '//[redacted]@').replace(/\b(bearer|basic)\s+[^\s"',;)]+/gi, '$1 [redacted]');
  return clean.length <= MAX_LENGTH ? clean : `${clean.slice(0, MAX_LENGTH - 1)}…`;
}
