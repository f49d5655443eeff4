const KINDS = ['rollout', 'outbox', 'backend', 'trial', 'plan', 'sweep'] as const;

/**
 * Something that is due at a time: a rollout to look at, an outbox queue to drain, a backend or a trial to tidy,
 * a plan whose revision is to be started, or something to sweep for the whole installation.
 */
export type Subject = `${(typeof KINDS)[number]}/${string}`;

const SUBJECT = new RegExp(`^(?:${KINDS.join('|')})/[A-Za-z0-9._~/-]+$`);

/** At most 300 characters, of those that a key may have. */
export function isSubject(text: string): text is Subject {
  return text.length <= 300 && SUBJECT.test(text);
}
