import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Moment } from '../../core/model/moment.ts';
import type {
  EmergencyDecision,
  EmergencyJournal,
  JournalLine,
  Written,
} from '../../engine/ports/emergency-journal.ts';
import { checkedLine, readCheckedLine } from './checked-line.ts';
import { appendLine, diskReason, makeFolder, readSmall, replaceFile } from './files.ts';

/** Above it what is done is thrown away: what is open is one line per backend. */
const COMPACT_BYTES = 262_144;
const MAX_BYTES = 4 * 1_048_576;
/** Each damaged line that is named is an entry of the log. */
const MAX_NAMED = 20;

const Decision = z.looseObject({
  id: z.string(),
  backend: z.string(),
  cluster: z.string(),
  by: z.string(),
  reason: z.string(),
  atMs: Moment,
});
const Line: z.ZodType<JournalLine> = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('decided'), decision: Decision }),
  z.looseObject({ kind: z.literal('done'), id: z.string(), atMs: Moment, outcome: z.string() }),
]);

/** Without a folder nothing outlives the process, and whoever decides is told so. */
export const NO_JOURNAL: EmergencyJournal = {
  load: async () => ({ open: [], damage: [] }),
  append: async () => ({ kind: 'lost', detail: 'no folder is configured (setting data.folder)' }),
};

/** `emergency.jsonl` in the replica's own folder: lines are only ever added, each on the disk before it is answered. */
export function emergencyJournal(folder: string, onFailure: () => void = () => {}): EmergencyJournal {
  const path = join(folder, 'emergency.jsonl');
  const open = new Map<string, EmergencyDecision>();
  let bytes = 0;
  let last: Promise<unknown> = Promise.resolve();

  const note = (line: JournalLine) => {
    if (line.kind === 'decided') open.set(line.decision.id, line.decision);
    else open.delete(line.id);
  };
  const compact = async () => {
    const text = [...open.values()].map((decision) => checkedLine({ kind: 'decided', decision })).join('');
    await replaceFile(path, text);
    bytes = Buffer.byteLength(text);
  };
  const write = async (line: JournalLine): Promise<Written> => {
    const text = checkedLine(line);
    try {
      await makeFolder(folder);
      if (bytes + Buffer.byteLength(text) > COMPACT_BYTES) await compact();
      await appendLine(path, text);
    } catch (error) {
      onFailure();
      return { kind: 'lost', detail: diskReason(error) };
    }
    bytes += Buffer.byteLength(text);
    note(line);
    return { kind: 'durable' };
  };
  return {
    load: async () => {
      let text: string;
      try {
        text = (await readSmall(path, MAX_BYTES)) ?? '';
      } catch (error) {
        return { open: [], damage: [`${path} cannot be read: ${diskReason(error)}`] };
      }
      const damaged: number[] = [];
      const lines = text.split('\n');
      // Whatever follows the last line end is a line that a crash has torn: nobody was told that it is there.
      const torn = lines.pop() !== '';
      for (const [index, one] of lines.entries()) {
        const whole = readCheckedLine(one);
        const line = whole === null ? null : Line.safeParse(whole.value);
        if (line?.success === true) note(line.data);
        else damaged.push(index + 1);
      }
      bytes = Buffer.byteLength(text);
      const damage = damaged.slice(0, MAX_NAMED).map((line) => `${path}:${line} is damaged and was left out`);
      const more = damaged.length - MAX_NAMED;
      if (more > 0) damage.push(`${path}: ${more} more lines are damaged and were left out`);
      try {
        // For people to look at.
        if (damaged.length > 0) await rename(path, `${path}.damaged`);
        if (damaged.length > 0 || torn) await compact();
      } catch (error) {
        damage.push(`${path} cannot be mended: ${diskReason(error)}`);
      }
      return { open: [...open.values()], damage };
    },
    append: (line) => {
      const written = last.then(() => write(line));
      last = written;
      return written;
    },
  };
}
