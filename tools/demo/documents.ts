/** The documents of the demo: one route, one backend, a plan that runs by itself and one that takes its time. */
export function demoDocuments(stable: string): string {
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules:
    - name: checkout
      matches: [{ path: { type: PathPrefix, value: / } }]
      backend: checkout
      timeout: 5s
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: checkout }
spec:
  healthCheck: { path: /healthz, interval: 1s }
  initial: { revision: v1, endpoints: { static: ["${stable}"] } }
${plan('checkout', '3s')}${plan('checkout-slow', '10m')}`;
}

function plan(name: string, hold: string): string {
  return `---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec:
  backend: checkout
  strategy:
    use: header-first
    with: { header: x-tester, value: "yes", test: 2s, weights: [10, 25, 50], hold: ${hold} }
  # Steps of seconds leave no time to see a regression with an error bound; fixed limits have to do here.
  judge: { name: threshold }
  analysis:
    - use: error-rate
      with: { max: 0.02, minRequests: 200 }
    - use: latency
      with: { objective: 500ms, max: 0.05, minRequests: 200 }
  deadline: 5m
  notify: [deploys]
`;
}
