import { readFileSync } from 'node:fs';
import { type INamespace, Root, type Type } from 'protobufjs/light.js';
import { packageFile } from '../../platform/package-file.ts';

/** Message types by full name. */
export interface ProtoBundle {
  type(name: string): Type;
}

/** Reads the bundle that ships with the package; takes about 30 ms, so it is done once per server. */
export function loadProtoBundle(): ProtoBundle {
  const root = Root.fromJSON(JSON.parse(readFileSync(packageFile('proto/bundle.json'), 'utf8')) as INamespace);
  root.resolveAll();
  return { type: (name) => root.lookupType(name) };
}
