/** One Route that sends everything to one backend, and plans for it: name to spec in flow style, without the backend. */
export function shopDocuments(stable: string, plans: Readonly<Record<string, string>>): string {
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec: { fleet: edge, hostnames: ["*"], rules: [{ name: all, backend: shop, timeout: 5s }] }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec: { initial: { revision: r0, endpoints: { static: ["${stable}"] } } }
${Object.entries(plans)
  .map(
    ([name, spec]) => `---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec: { backend: shop, ${spec} }
`,
  )
  .join('')}`;
}
