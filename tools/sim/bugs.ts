/** A mutation of one source file, made while it is loaded; the file itself stays as it is. */
export interface Bug {
  readonly name: string;
  /** What would be wrong, in the words of docs/reliability.md. */
  readonly what: string;
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Shows only where the store comes back with older state. @default false */
  readonly lostWrites?: boolean;
}

/** Planted to prove that the simulation would notice them. Each has to be caught within 1,000 schedules. */
export const BUGS: readonly Bug[] = [
  {
    name: 'no-fence',
    what: 'the store commits although a record has moved on',
    file: 'test/support/fake-store.ts',
    find: "if ((s.entries.get(key)?.rev ?? 0) !== rev) return { kind: 'conflict', key };",
    replace: '',
  },
  {
    name: 'due-lost-with-its-lease',
    what: 'what is leased leaves the due set, so a crash loses it',
    file: 'test/support/fake-store.ts',
    find: 's.due.set(subject, now + leaseMs);',
    replace: 's.due.delete(subject);',
  },
  {
    name: 'message-lost',
    what: 'a message that could not be delivered counts as delivered',
    file: 'src/engine/deliver.ts',
    find: 'await deps.outbox.retry(queue, notice.id, nowMs + afterMs, delivery.detail);',
    replace: 'void afterMs; await deps.outbox.delivered(queue, notice.id);',
  },
  {
    name: 'trigger-twice',
    what: 'the idempotency key does not make the id',
    file: 'src/engine/begin-once.ts',
    find: 'idFromKey(idempotencyKey)',
    replace: 'idFromKey(idempotencyKey + deps.clock.now())',
  },
  {
    name: 'traffic-left-out',
    what: 'the commit of a rollback says nothing to the Envoys',
    file: 'src/engine/publish.ts',
    find: '...(traffic ? trafficOf(transition) : {}),',
    replace: "...(traffic && rollout.phase !== 'rolling_back' ? trafficOf(transition) : {}),",
  },
  {
    name: 'lost-place-kept',
    what: 'a replica goes on under a name that the ledger has forgotten',
    file: 'src/engine/share-ledger.ts',
    find: '{ replica: name });\n      name = null;',
    replace: '{ replica: name });',
  },
  {
    name: 'ack-not-awaited',
    what: 'a counted Envoy that is connected counts as live',
    file: 'src/core/fleet/liveness.ts',
    find: 'if (node !== null && ackedAtMs !== null) {\n        nodes.push({ node, ackedAtMs });',
    replace: 'if (node !== null) {\n        nodes.push({ node, ackedAtMs: ackedAtMs ?? nowMs });',
  },
  {
    name: 'credit-when-sent',
    what: 'a response counts when it is sent, not when it is ACKed',
    file: 'src/adapters/xds/sotw-subscription.ts',
    find: 'this.#answerDue = false;\n  }',
    replace: 'this.#answerDue = false;\n    if (position !== null) this.#credited = position;\n  }',
  },
  {
    name: 'answer-not-awaited',
    what: 'a response goes out although the one before it is not answered',
    file: 'src/adapters/xds/sotw-subscription.ts',
    find: "if (sent.status === 'unanswered') {",
    replace: "if (sent.status === 'unanswered' && !differs) {",
  },
  {
    name: 'secret-quoted',
    what: 'a refusal is told in the words of Envoy, secrets and all',
    file: 'src/adapters/xds/nack-message.ts',
    find: "const clean = redact(reason.replace(/[\\p{Cc}\\s]+/gu, ' ').trim());",
    replace: "const clean = reason.replace(/[\\p{Cc}\\s]+/gu, ' ').trim();",
  },
  {
    name: 'delta-credit-when-sent',
    what: 'a response of delta counts when it is sent, not when it is ACKed',
    file: 'src/adapters/xds/delta-subscription.ts',
    find: 'this.#everSent = true;',
    replace: 'this.#everSent = true; if (wanted.position !== null) this.#credited = wanted.position;',
  },
  {
    name: 'streams-apart',
    what: 'routes do not wait for clusters that another stream carries',
    file: 'src/adapters/xds/client-streams.ts',
    find: 'if (!member.hasCluster(name)) return false;',
    replace: '',
  },
  {
    name: 'refusal-as-ack',
    what: 'a NACK counts as an ACK',
    file: 'src/adapters/xds/sotw-subscription.ts',
    find: 'if (request.rejected) {',
    replace: 'if (request.rejected && this.#sent === null) {',
  },
  {
    name: 'routes-before-clusters',
    what: 'routes do not wait for the clusters that they name',
    file: 'src/adapters/xds/stream-session.ts',
    find: 'if (this.#firstRoutes && this.#subscriptions.route.sentVersions === null) return false;',
    replace: 'if (versions.size >= 0) return false;',
  },
  {
    name: 'trial-for-all',
    what: 'every Envoy gets what one of them is to try out',
    file: 'src/adapters/xds/fleet-publisher.ts',
    find: 'return tried?.probe === nodeId ? tried.snapshot : snapshot;',
    replace: 'return nodeId === null ? snapshot : (tried?.snapshot ?? snapshot);',
  },
  {
    name: 'not-a-number-passes',
    what: 'NaN is taken for a number',
    file: 'src/core/analysis/sample-health.ts',
    find: '!Number.isFinite(tMs) || !Number.isFinite(value)',
    replace: '!Number.isFinite(tMs) && !Number.isFinite(value)',
  },
  {
    name: 'too-few-pass',
    what: 'a few requests are evidence enough',
    file: 'src/core/analysis/judge-share.ts',
    find: 'if (canary.requests < minRequests) {',
    replace: 'if (canary.requests < 0) {',
  },
  {
    name: 'two-targets-one-name',
    what: 'of two series with one name the longer one is believed',
    file: 'src/core/analysis/increments.ts',
    find: 'if (rest.some((other) => !isCopy(first, other))) return null;',
    replace: 'if (rest.some((other) => !isCopy(first, other) && other === first)) return null;',
  },
  {
    name: 'step-left-out',
    what: 'a step is skipped',
    file: 'src/core/rollout/moves.ts',
    find: 'const next = d.rollout.step + 1;',
    replace: 'const next = d.rollout.step + (d.rollout.step === 0 ? 2 : 1);',
  },
  {
    name: 'pause-ignored',
    what: 'a paused rollout goes on by itself',
    file: 'src/core/rollout/gates.ts',
    find: '  if (d.rollout.paused !== null) {',
    replace: '  if (d.rollout.paused !== null && d.nowMs < 0) {',
  },
  {
    name: 'promote-undoes-rollback',
    what: 'a person may promote what is on its way back',
    file: 'src/core/rollout/command.ts',
    find: "if (phase !== 'stepping') return refused(d, 'promote');",
    replace: "if (phase !== 'stepping' && phase !== 'rolling_back') return refused(d, 'promote');",
  },
  {
    name: 'back-without-acks',
    what: 'a rollback is reported before the Envoys are back',
    file: 'src/core/rollout/phases/reverting.ts',
    find: "if (live.kind === 'waiting') return d.nowMs + LOOK_AGAIN_MS;",
    replace: "if (live.kind === 'waiting') return end(d, 'rolled_back', 'back', settings), null;",
  },
  {
    name: 'backend-kept',
    what: 'an ended rollout does not give its backend back',
    file: 'src/core/rollout/moves.ts',
    find: 'rolloutId: null,',
    replace: 'rolloutId: d.rollout.id,',
  },
  {
    name: 'begins-too-soon',
    what: 'a rollout that waits begins while another one has the backend',
    file: 'src/core/rollout/queued.ts',
    find: '  if (backend.rolloutId !== null) {',
    replace: '  if (backend.rolloutId === rollout.id) {',
  },
  {
    name: 'gate-opens-in-time',
    what: 'a hook that has not answered in time opens its gate',
    file: 'src/core/rollout/hook-gate.ts',
    find: "if (webhook.otherwise === 'rollback') return 'shut';",
    replace: "return 'open';",
  },
  {
    name: 'answer-of-another-step',
    what: 'what a hook said of one step opens the next one, too',
    file: 'src/core/rollout/hook-state.ts',
    find: 'return hook?.attempt === attempt ? hook : null;',
    replace: 'return attempt < 0 ? null : (hook ?? null);',
  },
  {
    name: 'windows-ignored',
    what: 'a rollout goes on outside the windows of its plan',
    file: 'src/core/rollout/window-state.ts',
    find: 'if (windows === undefined || !givesMore(rollout, to)) return null;',
    replace: 'if (windows === undefined || !givesMore(rollout, to) || nowMs > 0) return null;',
  },
  {
    name: 'reconciled-by-half',
    what: 'a reconciled store tells the Envoys what they had, and the records something else',
    file: 'src/engine/reconcile-store.ts',
    find: "set(owner, value.kind === 'backend' && !tried.has(value.backend) ? values.get(value.backend) : value);",
    replace: 'set(owner, value);',
    lostWrites: true,
  },
  {
    name: 'step-without-event',
    what: 'a step leaves no event',
    file: 'src/core/rollout/moves.ts',
    find: "emit(d, 'step', words, { weight: step.weight }, by);",
    replace: '',
  },
  {
    name: 'stable-flips-anyway',
    what: 'a rolled back revision becomes the stable one',
    file: 'src/core/rollout/moves.ts',
    find: 'stable: promoted ? part.canary : state.stable,',
    replace: "stable: promoted || phase === 'rolled_back' ? part.canary : state.stable,",
  },
  {
    name: 'another-time-kept',
    what: 'a decision is kept with another time than it was made at',
    file: 'src/core/replay/record-decision.ts',
    find: '    nowMs,\n    settings:',
    replace: '    nowMs: nowMs + 1,\n    settings:',
  },
  {
    name: 'decides-by-chance',
    what: 'a decision hangs on something else than its inputs',
    file: 'src/core/rollout/phases/pending.ts',
    find: 'const push = pushFor(',
    replace: 'const push = process.hrtime()[1] % 2 === 0 ? null : pushFor(',
  },
];
