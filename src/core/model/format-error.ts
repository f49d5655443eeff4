import { ERRORS, type SerinError } from './errors.ts';

/** One error on one line: `file:line:column: CODE path: message (hint)`. */
export function formatError(error: SerinError): string {
  const place = error.place === undefined ? '' : `${error.place.file}:${error.place.line}:${error.place.column}: `;
  const path = error.path === undefined || error.path === '' ? '' : `${error.path}: `;
  return `${place}${error.code} ${path}${error.message} (${error.hint ?? ERRORS[error.code].hint})`;
}
