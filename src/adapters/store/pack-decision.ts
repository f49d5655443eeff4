import { promisify } from 'node:util';
import { deflateRaw, deflateRawSync, inflateRaw } from 'node:zlib';
import type { KeptDecision, RecordedDecision } from '../../core/replay/decision.ts';
import { type Parsed, parseCount } from './stored-values.ts';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Larger than any text that is kept; more is not what Serin wrote. */
const MAX_INFLATED = 4 * 1024 * 1024;

/**
 * Characters up to which a text is packed right here: that takes a tenth of a millisecond, and a quarter of the time that
 * a thread is asked for.
 */
const MAX_AT_ONCE = 65_536;

export interface PackedDecision extends Omit<RecordedDecision, 'text'> {
  readonly packed: string;
}

export async function packDecisions(decisions: readonly RecordedDecision[]): Promise<readonly PackedDecision[]> {
  return Promise.all(decisions.map(async ({ text, ...one }) => ({ ...one, packed: await packText(text) })));
}

async function packText(text: string): Promise<string> {
  return (text.length > MAX_AT_ONCE ? await deflate(text) : deflateRawSync(text)).toString('base64');
}

/** An entry of the list, as the scripts write it. */
export interface ListedDecision extends KeptDecision {
  readonly run: string;
  readonly rev: number;
}

/** What the script would have written. */
export async function listedEntry({ run, looks, rev }: Omit<ListedDecision, 'text'>, text: string): Promise<string> {
  return `${run === '' ? '-' : run} ${looks} ${rev}\n${await packText(text)}`;
}

export async function unpackDecision(entry: string): Promise<Parsed<ListedDecision>> {
  const head = /^(\S{1,40}) (\d+) (\d+)\n/.exec(entry);
  const looks = parseCount(head?.[2] ?? '');
  const rev = parseCount(head?.[3] ?? '');
  if (head === null || looks === null || rev === null) return { kind: 'bad', detail: 'a decision has no beginning' };
  const run = head[1] === '-' ? '' : (head[1] ?? '');
  try {
    const raw = Buffer.from(entry.slice(head[0].length), 'base64');
    const text = (await inflate(raw, { maxOutputLength: MAX_INFLATED })).toString('utf8');
    return { kind: 'ok', value: { looks, run, rev, text } };
  } catch {
    return { kind: 'bad', detail: 'a decision cannot be unpacked' };
  }
}
