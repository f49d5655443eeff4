import { fail, ok, type Result } from '../../core/model/errors.ts';
import type { SampleRequest } from '../../core/traffic/evaluate/sample-request.ts';

const REQUEST = /^(?:([A-Za-z]{1,20})\s+)?(?:https?:\/\/)?([^/\s?#]+)([/?][^\s#]*)?$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):(.*)$/s;

/** `GET https://shop.example.com/checkout` with headers as `name: value`. */
export function parseSample(text: string, headers: readonly string[]): Result<SampleRequest> {
  const parsed = REQUEST.exec(text.trim());
  const host = parsed?.[2];
  if (host === undefined) {
    const hint = "Write it like 'GET https://shop.example.com/checkout?a=1'.";
    return fail('SERIN_REQUEST_INVALID', `"${text.slice(0, 80)}" is no request`, { hint });
  }
  const pairs: (readonly [string, string])[] = [];
  for (const header of headers) {
    const [, name, value] = HEADER.exec(header) ?? [];
    if (name === undefined || value === undefined || name.toLowerCase() === 'host') {
      const hint = "Write it like 'x-canary: always'; the host stands in the URL.";
      return fail('SERIN_REQUEST_INVALID', `"${header.slice(0, 80)}" is no header`, { hint });
    }
    pairs.push([name.toLowerCase(), value]);
  }
  const rest = parsed?.[3] ?? '/';
  return ok({
    method: (parsed?.[1] ?? 'GET').toUpperCase(),
    host,
    path: rest.startsWith('/') ? rest : `/${rest}`,
    headers: pairs,
  });
}
