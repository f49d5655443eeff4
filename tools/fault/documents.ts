import { REFUSED_PATTERN } from '../../test/support/envoy-bootstrap.ts';
import type { RolloutKind } from './history.ts';
import { BACKENDS, FLEET, hostOf } from './plant.ts';

const STEPS: Readonly<Record<RolloutKind, string>> = {
  good: '[{ weight: 10, matches: [{ headers: [{ name: x-tester, type: Present }] }] }, { weight: 50, hold: 1s }]',
  judged: '[{ weight: 40 }]',
  bad: '[{ weight: 20 }, { weight: 40 }]',
  refused: `[{ weight: 10, matches: [{ headers: [{ name: x-tester, type: RegularExpression, value: "${REFUSED_PATTERN}" }] }] }]`,
  aborted: '[{ weight: 5 }, { weight: 25, hold: 2m }]',
};

export const KINDS = Object.keys(STEPS) as RolloutKind[];

export const planOf = (backend: string, kind: RolloutKind): string => `${backend}-${kind}`;

/** One route and one backend each, and a plan for every kind of rollout. */
export function documents(stable: string): string {
  return BACKENDS.map(
    (backend) => `apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${backend} }
spec: { fleet: ${FLEET}, hostnames: [${hostOf(backend)}], rules: [{ name: ${backend}, backend: ${backend}, timeout: 5s }] }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${backend} }
spec: { initial: { revision: r0, endpoints: { static: ["${stable}"] } } }
${KINDS.map((kind) => plan(backend, kind)).join('')}`,
  ).join('---\n');
}

/** Judged by fixed limits: under so many faults no step lasts long enough to compare with an error bound. */
function plan(backend: string, kind: RolloutKind): string {
  const judged = kind === 'judged' || kind === 'bad';
  return `---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${planOf(backend, kind)} }
spec:
  backend: ${backend}
  strategy: { steps: ${STEPS[kind]} }
${judged ? '  judge: { name: threshold }\n  analysis: [{ use: error-rate, with: { max: 0.1, minRequests: 20 } }]\n' : ''}  deadline: 10m
  notify: [deploys]
`;
}
