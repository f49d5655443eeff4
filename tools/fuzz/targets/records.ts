import type { OpenTarget } from '../target.ts';
import { diskReaders, READERS } from './record-readers.ts';

/** What Redis and the disk of a replica hold, changed by somebody else: read in full or refused, never half believed. */
const open: OpenTarget = async () => {
  const disk = diskReaders();
  const readers = new Map(Object.entries({ ...READERS, ...disk.readers }));
  let isTaken = false;
  return {
    /** The first line says what the rest is read as. */
    async run(input) {
      const text = input.toString('utf8');
      const end = text.indexOf('\n');
      const read = readers.get(text.slice(0, end));
      isTaken = read !== undefined && (await read(text.slice(end + 1)));
      return null;
    },
    taken: () => isTaken,
    close: async () => disk.close(),
  };
};
export default open;
