// `npm run build`: makes `dist/` of `src/`, what users run. Few files instead of some 3,000 with those of the packages,
// which Node would find, read and link one by one at each start. What `main.ts` imports later stays apart.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: ['src/main.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  banner: {
    // Packages of the older kind name each other by `require` and ask where they are.
    js: `import { createRequire as builtRequire } from 'node:module';
import { dirname as builtDirname } from 'node:path';
import { fileURLToPath as builtPath } from 'node:url';
const require = builtRequire(import.meta.url);
const __filename = builtPath(import.meta.url);
const __dirname = builtDirname(__filename);`,
  },
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'eof',
  logLevel: 'warning',
});
