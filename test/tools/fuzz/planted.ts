import type { OpenTarget } from '../../../tools/fuzz/target.ts';

/** A border with one defect of each kind, to see that the fuzzer finds them. */
const open: OpenTarget = async () => {
  const kept: Buffer[] = [];
  return {
    async run(input) {
      const text = input.toString('latin1');
      if (text.includes('CRASH')) process.exit(3);
      if (text.includes('HANG')) await new Promise(() => {});
      if (text.includes('THROW')) throw new Error('planted');
      if (text.includes('WRONG')) return 'said yes to it';
      if (text.includes('BLOCK')) {
        const before = process.cpuUsage();
        for (let spentUs = 0; spentUs < 350_000; ) {
          const { user, system } = process.cpuUsage(before);
          spentUs = user + system;
        }
      }
      if (text.includes('GROW')) kept.push(Buffer.alloc(280 * 1024 * 1024, 1));
      return null;
    },
    close: async () => {},
  };
};
export default open;
