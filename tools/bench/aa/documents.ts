/** One route, one backend and one plan each; `endpoints` are those of the first revision, by backend. */
export function aaDocuments(endpoints: ReadonlyMap<string, readonly string[]>): string {
  return [...endpoints].map(([backend, first]) => documentsOf(backend, first)).join('---\n');
}

export const hostOf = (backend: string): string => `${backend}.example.com`;

/**
 * Steps of minutes, compressed: at a scrape per second ten seconds are as many looks as two and a half minutes at a
 * scrape every 15 s. A rollout stays in its last step until a five-fold regression would have been seen.
 */
function documentsOf(backend: string, endpoints: readonly string[]): string {
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${backend} }
spec:
  fleet: edge
  hostnames: [${hostOf(backend)}]
  rules: [{ name: ${backend}, backend: ${backend}, timeout: 2s }]
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${backend} }
spec:
  healthCheck: { path: /healthz, interval: 1s }
  initial: { revision: r0, endpoints: { static: [${endpoints.map((address) => `"${address}"`).join(', ')}] } }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${backend} }
spec:
  backend: ${backend}
  strategy:
    steps:
      - { weight: 10, hold: 10s }
      - { weight: 30, hold: 10s }
      - { weight: 50, hold: 10s }
  analysis:
    - use: error-rate
    - use: latency
      with: { objective: 50ms }
  deadline: 10m
`;
}
