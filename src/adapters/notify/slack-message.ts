import { counted } from '../../core/model/counted.ts';
import type { Notice } from '../../core/rollout/event.ts';

/** The bar beside a message. */
const COLOURS: Record<Notice['tone'], string> = {
  info: '#439fe0',
  good: '#2eb67d',
  warning: '#ecb22e',
  bad: '#e01e5a',
};

// Slack's limits: header 150, section field 2,000, 10 fields a section; all blocks together fail near 13,000.
const HEADER_MAX = 150;
const FIELD_MAX = 1_000;
const FIELDS_MAX = 20;
const FIELDS_PER_SECTION = 10;
const FIELDS_TOTAL_MAX = 6_000;
const TEXT_MAX = 3_000;

/** Block Kit. `text` is what notifications, screen readers and clients without blocks show, so it says everything too. */
export function slackMessage(notice: Notice): unknown {
  const fields = fittingFields(notice);
  const sections = [];
  for (let i = 0; i < fields.length; i += FIELDS_PER_SECTION) {
    const page = fields.slice(i, i + FIELDS_PER_SECTION);
    sections.push({ type: 'section', fields: page.map(([label, text]) => markdown(`*${label}*\n${text}`)) });
  }
  const header = { type: 'header', text: { type: 'plain_text', text: titleOf(notice), emoji: false } };
  const context = { type: 'context', elements: [markdown(originOf(notice))] };
  return {
    text: fullText(notice),
    blocks: [header, ...sections],
    // Only attachments have a colour.
    attachments: [{ color: COLOURS[notice.tone], fallback: titleOf(notice), blocks: [context] }],
  };
}

/** For Mattermost, Rocket.Chat and Discord's `/slack`, which know attachments but no blocks. */
export function slackLegacyMessage(notice: Notice): unknown {
  const fields = fittingFields(notice).map(([title, value]) => ({ title, value, short: value.length <= 40 }));
  return {
    text: titleOf(notice),
    attachments: [{ color: COLOURS[notice.tone], fallback: fullText(notice), fields, footer: originOf(notice) }],
  };
}

function titleOf(notice: Notice): string {
  return plain(notice.title.trim() === '' ? `${notice.backend}: ${notice.kind}` : notice.title, HEADER_MAX);
}

function fullText(notice: Notice): string {
  const lines = fittingFields(notice).map(([label, text]) => `${label}: ${text}`);
  const whole = [titleOf(notice), ...lines].join('\n');
  return whole.length <= TEXT_MAX ? whole : `${withoutHalfEntity(whole.slice(0, TEXT_MAX - 1))}…`;
}

function originOf({ plan, rolloutId, revision, stable, joint, arms }: Notice): string {
  const from = stable === null ? '' : ` · stable ${stable}`;
  const all = joint?.map((one) => `${one.backend} ${one.revision} (stable ${one.stable ?? 'nothing'})`).join(', ');
  const tested = arms?.map((one) => `${one.arm} ${one.revision}`).join(', ') ?? `revision ${revision}`;
  return plain(`plan ${plan} · ${all ?? `${tested}${from}`} · rollout ${rolloutId}`, FIELD_MAX);
}

function fittingFields(notice: Notice): (readonly [label: string, text: string])[] {
  const fitting: (readonly [string, string])[] = [];
  const fields = [...notice.fields, ...earlierField(notice)];
  let left = FIELDS_TOTAL_MAX;
  for (const [label, text] of fields) {
    const field = [plain(label, 100), plain(text, FIELD_MAX)] as const;
    left -= field[0].length + field[1].length;
    if (left < 0 || fitting.length === FIELDS_MAX - 1) {
      fitting.push(['More', `${fields.length - fitting.length} more fields: see the rollout`]);
      break;
    }
    fitting.push(field);
  }
  return fitting;
}

/** Newest first: what is cut off is the oldest. */
function earlierField({ earlier }: Notice): (readonly [label: string, text: string])[] {
  if (earlier === undefined) return [];
  const { count, updates } = earlier;
  const named = count === updates.length ? '' : `, the newest ${updates.length}`;
  const lines = updates.toReversed().map(({ atMs, title }) => {
    return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC ${title}`;
  });
  return [[`${counted(count, 'earlier update')}${named}`, lines.join(' · ')]];
}

function markdown(text: string): unknown {
  // `verbatim`: names and links in foreign text stay text.
  return { type: 'mrkdwn', text, verbatim: true };
}

/** Escaped as Slack asks, so that data never becomes a mention or a link; `max` counts the escaped characters. */
function plain(text: string, max: number): string {
  const clean = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
  const escaped = clean.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const shown = escaped === '' ? '–' : escaped;
  return shown.length <= max ? shown : `${withoutHalfEntity(shown.slice(0, max - 1))}…`;
}

/** A cut must leave neither `&am` nor half of a surrogate pair. */
function withoutHalfEntity(text: string): string {
  return text.replace(/&[a-z]{0,3}$/, '').replace(/[\ud800-\udbff]$/, '');
}
