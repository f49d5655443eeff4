import type { ApprovalSpec, PlanSpec, StepSpec, UntilSpec, WebhookSpec } from '../../model/documents.ts';
import type { PinMatch } from '../../model/match.ts';
import type { HeaderChange } from '../../model/route-rule.ts';
import type { StickySpec } from '../../model/sticky.ts';
import { CANARY } from '../../model/variants.ts';
import { cookieNameOf } from '../../traffic/sticky-arms.ts';
import { defined } from '../fields.ts';
import { Span, type Tree, type TreeMap, Unsaid } from './tree.ts';
import { writtenAnalysis } from './written-analysis.ts';

const BY_DEADLINE = "the plan's deadline";

/** A step as a Plan has it. `hasSticky`: its `sticky` is its own, not that of the plan. */
export function writtenStep(step: StepSpec, plan: PlanSpec, hasSticky: boolean): TreeMap {
  const { sticky, mirror, headers, until, webhook } = step;
  return {
    name: step.name,
    ...writtenWeights(step),
    matches: step.matches.map(writtenMatch),
    hold: new Span(step.holdMs),
    until: until === undefined ? new Unsaid() : writtenUntil(until),
    webhook: webhook === undefined ? new Unsaid() : writtenWebhook(webhook),
    ...writtenApproval(step),
    ...(sticky === undefined || hasSticky
      ? { sticky: sticky === undefined ? new Unsaid() : writtenSticky(sticky, plan) }
      : {}),
    mirror: mirror === undefined ? new Unsaid() : { percent: mirror / 100 },
    headers: headers === undefined ? new Unsaid() : writtenHeaders(headers),
    analysis: step.analysis.map((spec) => writtenAnalysis(spec, plan.judge)),
  };
}

function writtenWeights({ weight, weights }: StepSpec): TreeMap {
  if (weights === undefined) return { weight: weight / 100 };
  const others = Object.entries(weights).map(([arm, share]) => [arm, share / 100]);
  return { weights: { [CANARY]: weight / 100, ...Object.fromEntries(others) } };
}

function writtenApproval({ approve, approval }: StepSpec): TreeMap {
  if (approval !== undefined) return { approval: writtenTerms(approval) };
  return approve ? { approve, approval: new Unsaid({ words: "anybody's, in no hurry" }) } : { approve };
}

function writtenTerms({ by, withinMs, otherwise }: ApprovalSpec): TreeMap {
  return {
    by: by.length === 0 ? new Unsaid({ words: 'whoever may act' }) : [...by],
    within: withinMs === null ? new Unsaid({ words: BY_DEADLINE }) : new Span(withinMs),
    // A file must not say it where it never comes to that.
    otherwise: withinMs === null ? new Unsaid({ value: otherwise }) : otherwise,
  };
}

function writtenWebhook({ target, everyMs, timeoutMs, withinMs, otherwise, metadata }: WebhookSpec): TreeMap {
  return defined({
    target,
    every: new Span(everyMs),
    timeout: new Span(timeoutMs),
    within: withinMs === null ? new Unsaid({ words: BY_DEADLINE }) : new Span(withinMs),
    otherwise: withinMs === null ? new Unsaid({ value: otherwise }) : otherwise,
    metadata: metadata === undefined ? undefined : { ...metadata },
  });
}

function writtenUntil({ requests, regression, atMostMs }: UntilSpec): TreeMap {
  return defined({
    requests: requests ?? undefined,
    regression: regression ?? undefined,
    atMost: atMostMs === null ? new Unsaid({ words: BY_DEADLINE }) : new Span(atMostMs),
  });
}

export function writtenSticky(sticky: StickySpec, { backend, deadlineMs }: PlanSpec): TreeMap {
  if (sticky.by === 'hash') {
    const { by, name } = sticky.key;
    return { hash: by === 'header' ? { header: name } : { cookie: name, issuedBy: 'application' } };
  }
  const { name, maxAgeMs } = sticky;
  return {
    cookie: {
      name: name ?? new Unsaid({ value: cookieNameOf(sticky, backend) }),
      maxAge: maxAgeMs === undefined ? new Unsaid({ value: new Span(deadlineMs) }) : new Span(maxAgeMs),
    },
  };
}

function writtenMatch({ headers, cookies = [], queryParams = [], method, path, arm }: PinMatch): TreeMap {
  const some = (list: PinMatch['headers']): Tree | undefined =>
    list.length === 0 ? undefined : list.map((one) => ({ ...one }));
  return defined({
    headers: some(headers),
    cookies: some(cookies),
    queryParams: some(queryParams),
    method,
    path: path === undefined ? undefined : { ...path },
    arm,
  });
}

function writtenHeaders({ request, response }: NonNullable<StepSpec['headers']>): TreeMap {
  return defined({
    request: request === undefined ? undefined : writtenChange(request),
    response: response === undefined ? undefined : writtenChange(response),
  });
}

function writtenChange({ set, add, remove }: HeaderChange): TreeMap {
  return defined({
    set: set.length === 0 ? undefined : byName(set),
    add: add.length === 0 ? undefined : byName(add),
    remove: remove.length === 0 ? undefined : [...remove],
  });
}

/** Names that a file told apart by their case alone are one by then; YAML has no key twice. */
function byName(values: HeaderChange['set']): TreeMap {
  const named: Record<string, string> = {};
  for (const { name, value } of values) {
    let key = name;
    for (let i = 1; Object.hasOwn(named, key) && i <= name.length; i += 1) {
      key = name.slice(0, i).toUpperCase() + name.slice(i);
    }
    named[key] = value;
  }
  return named;
}
