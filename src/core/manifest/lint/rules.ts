/**
 * What `serin plan lint` looks for: sense, not syntax. An error means that a rollout by this plan cannot end well; a
 * warning, that it says less than it seems to. `docs/cli.md` lists them, and a test keeps both equal.
 */
export const LINT_RULES = {
  'no-analysis': {
    severity: 'warning',
    fix: 'Add `- use: error-rate` under spec.analysis.',
  },
  'no-deadline': {
    severity: 'warning',
    fix: 'Add spec.deadline: the holds of all steps, the time of approvals, and some more.',
  },
  'approve-without-deadline': {
    severity: 'warning',
    fix: 'Add spec.deadline: so long a person may take, and then it is rolled back.',
  },
  'deadline-below-holds': { severity: 'error', fix: 'Make the deadline longer, or the holds shorter.' },
  'windows-beyond-deadline': {
    severity: 'error',
    fix: 'Make the deadline longer, or the holds shorter, or open more: the deadline goes on while windows are shut.',
  },
  'deadline-below-shut': {
    severity: 'warning',
    fix: 'Make the deadline longer than that, or start rollouts only when there is time left.',
  },
  'windows-below-holds': {
    severity: 'warning',
    fix: 'Make the holds shorter, or a window longer, or take the wait at a part of the requests into account.',
  },
  'no-hold': { severity: 'warning', fix: 'Give the step a hold, until, webhook or approve.' },
  'hold-below-scrapes': { severity: 'warning', fix: 'Hold each step for four scrapes at least.' },
  'window-below-scrapes': { severity: 'warning', fix: 'Make the window four scrapes at least.' },
  'patience-below-scrapes': {
    severity: 'warning',
    fix: 'Make inconclusiveAfter two scrapes at least; minutes are usual.',
  },
  'idle-step': { severity: 'warning', fix: 'Leave the step out, or give it a weight, matches or analyses.' },
  'step-name-twice': { severity: 'warning', fix: 'Give each step a name of its own.' },
  'large-first-step': { severity: 'warning', fix: 'Begin with 1 to 10 percent.' },
  'jump-to-all': { severity: 'warning', fix: 'Add a step of 50 before all requests move.' },
  'requests-out-of-reach': {
    severity: 'error',
    fix: 'Ask for fewer requests, give the step more weight or time, or make the deadline longer.',
  },
  'power-out-of-reach': {
    severity: 'error',
    fix: 'Give the last steps more weight, make the deadline longer, or say onInconclusive: promote if that is meant.',
  },
  'samples-out-of-reach': {
    severity: 'error',
    fix: 'Make judge.sample shorter, or judge.lookback or the deadline longer: the judge cannot tell a difference before.',
  },
  'few-samples': {
    severity: 'warning',
    fix: 'Make judge.sample shorter, or the holds or judge.lifetime longer: Kayenta itself advises 50 samples.',
  },
  'sample-below-scrapes': {
    severity: 'warning',
    fix: 'Make judge.sample two scrapes at least.',
  },
  'hook-below-interval': {
    severity: 'warning',
    fix: 'Give the hook two intervals of judge.interval at least, or make that shorter.',
  },
  'windows-below-interval': {
    severity: 'warning',
    fix: 'Make a window longer than judge.interval, or that shorter.',
  },
  'skip-out-of-reach': {
    severity: 'warning',
    fix: 'Make judge.skipAfter shorter, or leave it out.',
  },
  'power-stretches': { severity: 'warning', fix: 'Give the last steps more weight, or plan for the time.' },
  'unknown-notifier': { severity: 'error', fix: 'Add it under notifiers of serin.yaml, or correct the name.' },
  'notifier-unsigned': {
    severity: 'warning',
    fix: 'Give it a secret: receivers cannot tell otherwise who has sent a message.',
  },
  'unknown-hook': { severity: 'error', fix: 'Add it under hooks of serin.yaml, or correct the name.' },
  'hook-unsigned': {
    severity: 'warning',
    fix: 'Give it a secret or a header: it cannot tell otherwise who asks.',
  },
  'webhook-beyond-deadline': {
    severity: 'warning',
    fix: 'Make within shorter, or the deadline longer.',
  },
  'approval-beyond-deadline': {
    severity: 'warning',
    fix: 'Make within shorter, or the deadline longer.',
  },
  'no-metrics': {
    severity: 'error',
    fix: 'Give the fleet metrics, and serin.yaml prometheus; otherwise the analyses cannot be judged.',
  },
  'no-health-check': {
    severity: 'warning',
    fix: 'Add spec.healthCheck: without one every endpoint counts as healthy.',
  },
} as const satisfies Readonly<Record<string, { severity: 'error' | 'warning'; fix: string }>>;

export type LintCode = keyof typeof LINT_RULES;
