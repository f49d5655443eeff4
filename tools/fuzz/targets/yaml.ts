import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import { parseConfig } from '../../../src/platform/config.ts';
import { shippedStrategies } from '../../../src/platform/strategy-files.ts';
import type { OpenTarget } from '../target.ts';

/** Documents and configuration: any text is a result, with all its errors in bounds. */
const open: OpenTarget = async () => {
  const library = shippedStrategies();
  return {
    async run(input) {
      const text = input.toString('utf8');
      const documents = parseDocuments([{ file: 'fuzz.yaml', text }], library);
      const config = parseConfig({ file: 'serin.yaml', text, env: {}, needRedis: false });
      for (const result of [documents, config]) {
        if (result.kind !== 'error') continue;
        const said = JSON.stringify(result.errors).length;
        if (said > 256 * 1024) return `says ${said} characters of errors about ${input.length} bytes`;
      }
      return null;
    },
    close: async () => {},
  };
};
export default open;
