import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { slackLegacyMessage, slackMessage } from '../../../src/adapters/notify/slack-message.ts';
import { notice } from './notice.ts';

const Text = (max: number) => z.string().min(1).max(max);
const Markdown = z.strictObject({ type: z.literal('mrkdwn'), text: Text(2_000), verbatim: z.literal(true) });
/** Slack's documented limits. */
const Blocks = z
  .array(
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('header'),
        text: z.strictObject({ type: z.literal('plain_text'), text: Text(150), emoji: z.literal(false) }),
      }),
      z.strictObject({ type: z.literal('section'), fields: z.array(Markdown).min(1).max(10) }),
      z.strictObject({ type: z.literal('context'), elements: z.array(Markdown).min(1).max(10) }),
    ]),
  )
  .min(1)
  .max(50);
const Message = z.strictObject({
  text: Text(3_000),
  blocks: Blocks,
  attachments: z.array(
    z.strictObject({ color: z.string().regex(/^#[0-9a-f]{6}$/), fallback: Text(150), blocks: Blocks }),
  ),
});
const Legacy = z.strictObject({
  text: Text(150),
  attachments: z.array(
    z.strictObject({
      color: z.string(),
      fallback: Text(3_000),
      fields: z.array(z.strictObject({ title: Text(100), value: Text(1_000), short: z.boolean() })),
      footer: Text(1_000),
    }),
  ),
});

const anyNotice = fc
  .record({
    title: fc.string({ unit: 'binary', maxLength: 400 }),
    fields: fc.array(fc.tuple(fc.string({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 4_000 })), {
      maxLength: 60,
    }),
    revision: fc.string(),
    tone: fc.constantFrom('info' as const, 'good' as const, 'warning' as const, 'bad' as const),
  })
  .map(notice);

describe('slackMessage', () => {
  it('of several backends that roll together names each with its revisions', () => {
    const joint = [
      { backend: 'shop', revision: 'v2', stable: 'v1' },
      { backend: 'cart', revision: 'v7', stable: 'v6' },
    ];
    const [attachment] = Legacy.parse(slackLegacyMessage(notice({ joint }))).attachments;
    expect(attachment?.footer).toContain(' · shop v2 (stable v1), cart v7 (stable v6) · ');
  });

  it('shows title, fields, origin and colour', () => {
    const message = Message.parse(slackMessage(notice()));
    expect(message.text).toBe(
      'checkout: v42 is being rolled back\nCause: error-rate: 9 of 300 requests failed\nValue: 0.03\nLimit: at most 0.01',
    );
    expect(message.blocks[0]).toMatchObject({ type: 'header', text: { text: 'checkout: v42 is being rolled back' } });
    expect(message.blocks[1]).toMatchObject({
      fields: [{ text: '*Cause*\nerror-rate: 9 of 300 requests failed' }, {}, {}],
    });
    expect(message.attachments[0]).toMatchObject({ color: '#e01e5a' });
    expect(JSON.stringify(message.attachments)).toContain('plan checkout · revision v42 · stable v41 · rollout r1');
  });

  it('has a colour for each tone', () => {
    const colours = (['info', 'good', 'warning', 'bad'] as const).map(
      (tone) => Message.parse(slackMessage(notice({ tone }))).attachments[0]?.color,
    );
    expect(new Set(colours).size).toBe(4);
  });

  it('keeps foreign text from becoming a mention, a link or a second line', () => {
    const foreign = '<!channel> <https://evil|login> &amp;\n*x*\u202e';
    const shown = JSON.stringify(slackMessage(notice({ title: foreign, fields: [['Cause', foreign]] })));
    expect(shown).not.toMatch(/[<>\u202e]/);
    expect(shown).toContain('&lt;!channel&gt; &lt;https://evil|login&gt; &amp;amp; *x*');
  });

  it('never cuts an entity in half', () => {
    for (let length = 140; length < 150; length += 1) {
      const { text } = Message.parse(slackMessage(notice({ title: 'x'.repeat(length) + '&'.repeat(20), fields: [] })));
      expect(text.replaceAll('&amp;', '')).toMatch(/^x+…$/);
    }
  });

  it('never cuts a character in half', () => {
    for (const title of ['😀'.repeat(100), `x${'😀'.repeat(100)}`]) {
      const { text } = Message.parse(slackMessage(notice({ title, fields: [] })));
      expect(() => encodeURIComponent(text)).not.toThrow();
      expect(text).toHaveLength(title.startsWith('x') ? 150 : 149);
    }
  });

  it('leaves out what would be too much in all', () => {
    const fields = Array.from({ length: 15 }, (_, i): [string, string] => [`n${i}`, 'x'.repeat(5_000)]);
    const { blocks } = Message.parse(slackMessage(notice({ fields })));
    expect(JSON.stringify(blocks).length).toBeLessThan(10_000);
    expect(JSON.stringify(blocks)).toContain('10 more fields');
  });

  it('says how many fields it left out', () => {
    const fields = Array.from({ length: 60 }, (_, i): [string, string] => [`n${i}`, 'x']);
    expect(Message.parse(slackMessage(notice({ fields }))).text).toContain('More: 41 more fields');
  });

  it('stays within the limits of Slack, whatever it is given', () => {
    fc.assert(
      fc.property(anyNotice, (any) => {
        const message = Message.parse(slackMessage(any));
        expect(JSON.stringify(message.blocks).length).toBeLessThan(10_000);
        expect(Legacy.safeParse(slackLegacyMessage(any)).error).toBeUndefined();
      }),
    );
  });
});

describe('slackLegacyMessage', () => {
  it('has no blocks', () => {
    expect(Legacy.parse(slackLegacyMessage(notice()))).toEqual({
      text: 'checkout: v42 is being rolled back',
      attachments: [
        {
          color: '#e01e5a',
          fallback: expect.stringContaining('Cause: error-rate'),
          fields: [
            { title: 'Cause', value: 'error-rate: 9 of 300 requests failed', short: true },
            { title: 'Value', value: '0.03', short: true },
            { title: 'Limit', value: 'at most 0.01', short: true },
          ],
          footer: 'plan checkout · revision v42 · stable v41 · rollout r1',
        },
      ],
    });
  });
});

describe('a message that stands for several', () => {
  const updates = [
    { id: 'a', kind: 'started', title: 'checkout: rollout of v42 started', atMs: Date.UTC(2026, 0, 15, 9, 32, 11) },
    { id: 'b', kind: 'step', title: 'checkout: <v42> goes to 5 %', atMs: Date.UTC(2026, 0, 15, 9, 40, 0) },
  ] as const;
  const text =
    '2026-01-15 09:40:00 UTC checkout: &lt;v42&gt; goes to 5 % · 2026-01-15 09:32:11 UTC checkout: rollout of v42 started';

  it('says how many there were before it and when, newest first', () => {
    const one = { ...notice({ fields: [] }), earlier: { count: 2, updates } };
    expect(Message.parse(slackMessage(one)).text.split('\n').at(-1)).toBe(`2 earlier updates: ${text}`);
    expect(Legacy.parse(slackLegacyMessage(one)).attachments[0]?.fields.at(-1)).toMatchObject({
      title: '2 earlier updates',
      value: text,
    });
  });

  it('says so when not all of them are named', () => {
    const many = { ...notice({ fields: [] }), earlier: { count: 25, updates } };
    expect(Message.parse(slackMessage(many)).text).toContain('25 earlier updates, the newest 2: ');
    const single = { ...notice({ fields: [] }), earlier: { count: 1, updates: updates.slice(0, 1) } };
    expect(Message.parse(slackMessage(single)).text).toContain('1 earlier update: ');
  });
});
