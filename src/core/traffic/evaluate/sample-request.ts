/** A request as an Envoy gets it. */
export interface SampleRequest {
  readonly method: string;
  /** `Host` or `:authority`, with its port where it has one. */
  readonly host: string;
  /** With its query. */
  readonly path: string;
  /** Names in lower case; a name may come twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Headers that Envoy 1.40 joins where they come more than once; the values of all others are looked at one by one. */
const JOINED: ReadonlySet<string> = new Set([
  ...['accept', 'accept-encoding', 'access-control-request-headers', 'access-control-request-method', 'authorization'],
  ...['cache-control', 'content-encoding', 'content-type', 'expect', 'grpc-accept-encoding', 'grpc-timeout'],
  ...['if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'origin', 'pragma'],
  ...['referer', 'user-agent', 'via', 'x-client-trace-id', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port'],
  ...['x-forwarded-proto', 'x-request-id'],
]);

/** The values of a header; none: it is not there. White space around them is not part of them. */
export function headerOf({ method, path, headers }: SampleRequest, name: string): readonly string[] {
  if (name === ':method') return [method];
  if (name === ':path') return [path];
  const values = headers.filter(([key]) => key === name).map(([, value]) => value.replace(/^[ \t]+|[ \t]+$/g, ''));
  const joined = values.length > 1 && JOINED.has(name);
  return joined ? [values.filter((value) => value !== '').join(',')] : values;
}

/** Does an Envoy write this header itself, whatever the client sends? */
export function isWrittenByEnvoy(name: string): boolean {
  return (
    ['x-forwarded-for', 'x-forwarded-proto', 'x-request-id', 'te', 'x-forwarded-client-cert'].includes(name) ||
    name.startsWith('x-envoy-')
  );
}

/** The path that matches are about: Envoy takes the query off. */
export function pathOf({ path }: SampleRequest): string {
  return path.replace(/[?#].*$/s, '');
}

/** The first value of a query parameter, as it stands: Envoy decodes none. `null`: it is not there. */
export function parameterOf({ path }: SampleRequest, name: string): string | null {
  const start = path.indexOf('?');
  if (start === -1) return null;
  for (const part of path.slice(start + 1).split('&')) {
    const cut = part.indexOf('=');
    if ((cut === -1 ? part : part.slice(0, cut)) === name) return cut === -1 ? '' : part.slice(cut + 1);
  }
  return null;
}
