import type { FieldText } from './field-text.ts';

/** Of a world that a plan is played in. What is the same of both arms stands once. */
const WORLD_FIELDS: Readonly<Record<string, FieldText>> = {
  starts: {
    says: 'What clocks show when the rollout starts: windows of a plan go by it.',
    default: '2026-01-05T10:00:00Z',
    examples: ['2026-01-31T14:00:00Z'],
  },
  requests: {
    says: 'Requests per second to the backend, both revisions together: a number, or numbers over time.',
    examples: [200],
  },
  'requests[].rps': { says: 'Requests per second from then on.', examples: [20] },
  burst: { says: 'Mean size of the bursts that errors come in; 1: one by one.', default: 1, examples: [4] },
  testers: { says: 'Share of the requests that the matches of a step pin.', default: 0, examples: [0.01] },
  envoys: { says: 'Envoys of each fleet; they share the requests evenly.', default: 2 },
  ack: { says: 'How long an Envoy takes for a change: half as long up to one and a half times.', default: '50ms' },
  scrape: { says: 'How often Prometheus scrapes each Envoy.', default: '15s' },
  stable: { says: 'How the stable revision answers.' },
  canary: { says: 'How the new revision answers, where that is not as stable does.' },
  'canary.ready': { says: 'When its hosts are healthy, from the start on.', default: '0s' },
  variants: { says: 'How the variants of a test answer, by name: as canary; {} for one like stable.' },
  'variants.*.ready': { says: 'When its hosts are healthy, from the start on.', default: '0s' },
  backends: {
    says: 'Of a joint plan: each of its backends by name, in place of requests, stable, canary and queries at the top.',
  },
  readout: { says: 'What users of a test do, by the name of a metric of the readout that has successes.' },
  'readout.*.users': { says: 'New users a second, of all arms together; each has one arm.', examples: [2] },
  'readout.*.users[].rps': { says: 'New users a second from then on.', examples: [1] },
  'readout.*.stable': { says: 'Share of the users of stable that count as a success.', examples: [0.05] },
  'readout.*.canary': { says: 'The same of the canary.', examples: [0.06] },
  'readout.*.variants': { says: 'The same of each variant.', examples: [{ green: 0.06 }] },
  'arm.errors': { says: 'Share of requests that end in 503: a number, or numbers over time.', examples: [0.002] },
  'arm.errors[].ratio': { says: 'Share of requests that end in 503 from then on.', examples: [0.05] },
  'arm.latency': {
    says: 'How long answers take, log-normal; needed where the plan judges it.',
    examples: [{ p50: '40ms', p99: '300ms' }],
  },
  p50: { says: 'Half of the answers take no longer.', examples: ['40ms'] },
  p99: { says: 'Of a hundred answers 99 take no longer.', examples: ['300ms'] },
  queries: {
    says: 'What the queries of analyses answer, by the name of the analysis. Nothing is asked of Prometheus.',
  },
  'queries.*.canary': { says: 'The answer about the canary: a number, or numbers over time.', examples: [0.1] },
  'queries.*.variants': { says: 'The answer about each variant of a test.', examples: [{ green: 0.1 }] },
  'queries.*.stable': { says: 'The answer about stable; needed where the analysis compares.', examples: [0.1] },
  ratio: { says: 'The share from then on.', examples: [0.05] },
  value: { says: 'The answer from then on.', examples: [0.5] },
  hooks: { says: 'What the hooks that steps ask answer, by target: a word, or words over time. Nobody is asked.' },
  answer: { says: 'The answer from then on; silent: none comes in time.' },
  people: { says: 'What people do. Without it nobody does anything.' },
  'people.as': { says: 'Whose name stands under it.', default: 'the first who may approve' },
  'people.approve': {
    says: 'From when nothing but an approval is missing until somebody gives it: for all steps, or by their names.',
    examples: ['10m', { half: '2h' }],
  },
  'people.commands': { says: 'What somebody does at a time, whatever the rollout does.' },
  'people.commands[].at': { says: 'When, from the start on.', examples: ['30m'] },
  'people.commands[].do': { says: 'As the command of that name; undo: serin rollout undo.', examples: ['abort'] },
  'people.commands[].arm': { says: 'Of a promotion in a test with variants: which arm.', examples: ['green'] },
  outages: { says: 'When Prometheus neither scrapes nor answers.' },
  'outages[].from': { says: 'When it begins, from the start on.', examples: ['5m'] },
  'outages[].for': { says: 'How long it lasts.', examples: ['3m'] },
  at: { says: 'From this time on, counted from the start.', examples: ['10m'] },
  weight: { says: 'While the canary has at least so many percent of the requests.', examples: [25] },
};

export function worldText(path: string): FieldText | undefined {
  const own = path
    .replace(/^backends\.\*\./, '')
    .replace(/^(?:stable|canary|variants\.\*)\.(errors|latency)/, 'arm.$1');
  const [, last] = /(?:\[\]|latency)\.(at|weight|value|answer|ratio|p50|p99)$/.exec(own) ?? [];
  return WORLD_FIELDS[own] ?? (last === undefined ? undefined : WORLD_FIELDS[last]);
}
