import { appendLine, diskReason } from '../../../src/adapters/disk/files.ts';

/** Run with a limit on the size of files: writes as many lines as it may, says why it stopped, and writes a short one. */
const [path = ''] = process.argv.slice(2);
let detail = '';
for (let i = 0; detail === ''; i += 1) {
  await appendLine(path, `line ${i} ${'x'.repeat(200)}\n`).catch((error: unknown) => {
    detail = diskReason(error);
  });
}
await appendLine(path, 'short\n');
process.stdout.write(detail);
