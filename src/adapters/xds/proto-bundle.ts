import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type INamespace, Root, type Type } from 'protobufjs/light.js';

/** Message types by full name. */
export interface ProtoBundle {
  type(name: string): Type;
}

/** Reads the bundle that ships with the package; takes about 30 ms, so it is done once per server. */
export function loadProtoBundle(): ProtoBundle {
  // `src` and `dist` have the same depth, so this holds from a checkout and from the built package.
  const file = fileURLToPath(new URL('../../../proto/bundle.json', import.meta.url));
  const root = Root.fromJSON(JSON.parse(readFileSync(file, 'utf8')) as INamespace);
  root.resolveAll();
  return { type: (name) => root.lookupType(name) };
}
