/** What can go wrong, and what Serin promises then. `docs/reliability.md` is made of it. */
export interface Fault {
  readonly fault: string;
  readonly promise: string;
  /** What of it is not kept yet; `null`: all of it is. */
  readonly gap: string | null;
  /** Nothing in Serin can meet it, or nothing of it is kept: then it has no test. @default false */
  readonly untested?: true;
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  F1: {
    fault: 'An engine is killed at any instant',
    promise: 'Whoever picks the rollout up reads its record and goes on; no finished step is repeated.',
    gap: null,
  },
  F2: {
    fault: 'SIGTERM, a deploy of the engine',
    promise: 'Takes no more work, ends what runs, sends the Envoys elsewhere in order, stops within 25 s.',
    gap: null,
  },
  F3: {
    fault: 'One rollout crashes whoever runs it, again and again',
    promise:
      'After three crashes within ten minutes it is set aside, its weight held until a person decides or its deadline sends it back; the others go on.',
    gap: null,
  },
  F4: {
    fault: 'Redis restarts with its append-only file',
    promise: 'Writes fail fast, Envoys go on being served, work goes on by itself afterwards.',
    gap: null,
  },
  F5: {
    fault: 'Redis is away for long',
    promise:
      'Weights stay, commands get 503, `/livez` stays good, nothing advances; overdue waits are made up for. A person can send a backend to stable at each replica, which writes it down later.',
    gap: 'Nothing goes back by itself; replicas are asked one by one.',
  },
  F6: {
    fault: 'Redis lost writes, or an older copy came back',
    promise: 'Nothing is pushed and no old ACK counts, until a person has looked.',
    gap: 'Engines without a `data.folder` that are all restarted with it notice nothing; nor does one with it, of the last second before it was killed. A replay needs all that was lost.',
  },
  F7: {
    fault: 'Redis is out of memory, read-only, busy or slow',
    promise: 'As if it were away; a commit is whole or not at all. An evicting Redis is refused at the start.',
    gap: null,
  },
  F8: {
    fault: 'Two writers at once',
    promise:
      'Every write names the revisions it was decided on; the loser changes nothing and decides again. What the lost side of a split Redis took is noticed.',
    gap: null,
  },
  F9: {
    fault: 'Prometheus is down, slow, or refuses',
    promise: 'The rollout holds, then pauses and tells people; it neither advances nor goes back by it.',
    gap: null,
  },
  F10: {
    fault: 'No evidence for many rollouts at once',
    promise: 'At more than a fifth of them, and at least three: one alert, all hold, and every window begins anew.',
    gap: null,
  },
  F11: { fault: 'NaN, ±Inf, no series', promise: 'Inconclusive, never a pass.', gap: null },
  F12: { fault: 'Several series, a matrix or a text', promise: 'Inconclusive with a reason of its own.', gap: null },
  F13: { fault: 'Prometheus warns that its answer is partial', promise: 'Inconclusive.', gap: null },
  F14: {
    fault: 'Old samples, clocks apart',
    promise: 'Inconclusive above twice the scrape interval or 60 s.',
    gap: null,
  },
  F15: { fault: 'Too few requests', promise: 'Inconclusive until there are `minRequests`.', gap: null },
  F16: {
    fault: 'An Envoy goes in mid-step',
    promise: 'The step holds for `disconnectGrace`, then goes on without it; on its return it gets everything.',
    gap: null,
  },
  F17: { fault: 'No Envoy is connected', promise: 'Nothing advances; the deadline ends the rollout.', gap: null },
  F18: {
    fault: 'An Envoy refuses a step',
    promise: 'The rollout goes back everywhere; Envoy and reason are named; a new structure meets one Envoy first.',
    gap: null,
  },
  F19: {
    fault: 'An Envoy refuses the way back',
    promise: 'It is never called rolled back; a person can end it, and it is said who did not confirm.',
    gap: null,
  },
  F20: {
    fault: 'An Envoy is slow to confirm, or never does',
    promise: 'The step holds, people are told whom for; `onLaggard` says what then. A crash elsewhere sends it back.',
    gap: null,
  },
  F21: { fault: 'An Envoy comes back', promise: 'A new stream is answered in full.', gap: null },
  F22: {
    fault: 'All Envoys come back at once',
    promise: 'New streams are admitted at a bounded rate; connections end at different ages.',
    gap: null,
  },
  F23: {
    fault: 'An Envoy is too old for a plan',
    promise: 'The plan is refused before its first step, with the version it needs.',
    gap: null,
  },
  F24: {
    fault: 'A webhook fails',
    promise: 'Tried again for a day in order, then kept among the dead letters; the rollout never waits.',
    gap: null,
  },
  F25: {
    fault: 'A webhook redirects, trickles, floods, says how long to wait, or is gone',
    promise: 'Not followed; 10 s and 64 KiB at most; Retry-After is kept; 410 turns the notifier off, and it is told.',
    gap: null,
  },
  F26: {
    fault: 'A webhook that a gate asks fails',
    promise:
      'The gate stays shut, and at the end of its time the rollout goes back, or is paused as the plan says. A hook that hangs delays no way back; a question that was lost with its engine is asked again under the same id, and no step is doubled.',
    gap: null,
  },
  F27: {
    fault: 'A clock jumps',
    promise: 'Time of the store, never backwards for a record; clocks 5 s apart stop every advance and no way back.',
    gap: null,
  },
  F28: {
    fault: 'A trigger comes twice, or late',
    promise:
      'One key starts one rollout, also when both come at once; a build older than one that was started is refused.',
    gap: null,
  },
  F29: {
    fault: 'A new deploy while one runs',
    promise:
      'As its plan says: refused, and the running one is named; or it waits, and begins by itself; or the running one goes back to stable first. Whoever dies meanwhile, one begins.',
    gap: null,
  },
  F30: {
    fault: 'A plan is changed or deleted under its rollout',
    promise: 'The rollout keeps the plan it started with.',
    gap: null,
  },
  F31: { fault: 'Promotion by hand against a rollback', promise: 'A durable rollback wins.', gap: null },
  F32: {
    fault: 'The disk is full',
    promise: 'The engine goes on; what it could not write down it says, and tries again.',
    gap: 'What `serin dev` does when the disk of its store is full is not tested.',
  },
  F33: {
    fault: 'An engine stalls for seconds',
    promise:
      'Others take over; its next write is refused, and it decides again. After 30 s without a turn of its event loop it ends itself.',
    gap: null,
  },
  F34: {
    fault: 'Certificates run out or change',
    promise:
      'They are read again within seconds, without a restart; what does not fit together is not taken. An alert comes two weeks before the end.',
    gap: 'Of authorities for Prometheus and webhooks only those of the system are known.',
  },
  F35: {
    fault: 'No engine comes back',
    promise: 'Envoys keep what they have.',
    gap: null,
  },
};
