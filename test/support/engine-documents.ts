/** YAML of the engine's tests: one route, one backend, one plan; a test overrides what it cares about. */

export function routeYaml(fields: { name?: string; fleet?: string; backend?: string; path?: string } = {}): string {
  const { name = 'shop', fleet = 'edge', backend = 'checkout', path = '/' } = fields;
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${name} }
spec:
  fleet: ${fleet}
  hostnames: [${name}-${fleet}.example.com]
  rules:
    - { name: all, matches: [{ path: { type: PathPrefix, value: ${path} } }], backend: ${backend} }
`;
}

export function backendYaml(name = 'checkout', initial: string | null = 'v1'): string {
  return `apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${name} }
spec:
  endpoints: { static: ["127.0.0.1:8080"] }
${initial === null ? '' : `  initial: ${initial}\n`}`;
}

export function planYaml(
  fields: {
    name?: string;
    backend?: string;
    steps?: string;
    analysis?: boolean;
    onNewRevision?: string;
    revision?: string;
  } = {},
): string {
  const { name = 'checkout', backend = 'checkout', analysis = false, onNewRevision, revision } = fields;
  const { steps = '[{ weight: 10, hold: 10s }, { weight: 50, hold: 10s }]' } = fields;
  return `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec:
  backend: ${backend}
${revision === undefined ? '' : `  revision: ${revision}\n`}  strategy: { steps: ${steps} }
${analysis ? '  analysis: [{ use: error-rate }]\n' : ''}${
  onNewRevision === undefined ? '' : `  onNewRevision: ${onNewRevision}\n`
}  deadline: 10m
  notify: [deploys]
`;
}

export const files = (...documents: readonly string[]): readonly { readonly file: string; readonly text: string }[] =>
  documents.map((text, i) => ({ file: `${i}.yaml`, text }));
