import type { HeaderChange, HeaderChanges } from '../model/route-rule.ts';
import type { HeaderFields, HeaderValueOption } from './route-resource.ts';

export function headerChanges(changes: HeaderChanges | undefined): HeaderFields {
  const request = toAdd(changes?.request);
  const response = toAdd(changes?.response);
  const [fromRequest = [], fromResponse = []] = [changes?.request?.remove, changes?.response?.remove];
  return {
    ...(request.length === 0 ? {} : { requestHeadersToAdd: request }),
    ...(fromRequest.length === 0 ? {} : { requestHeadersToRemove: fromRequest }),
    ...(response.length === 0 ? {} : { responseHeadersToAdd: response }),
    ...(fromResponse.length === 0 ? {} : { responseHeadersToRemove: fromResponse }),
  };
}

function toAdd(change: HeaderChange | undefined): readonly HeaderValueOption[] {
  const of = (appendAction: HeaderValueOption['appendAction'], values: HeaderChange['set'] = []) =>
    values.map(({ name, value }) => ({ header: { key: name, value: literal(value) }, appendAction }));
  return [...of('OVERWRITE_IF_EXISTS_OR_ADD', change?.set), ...of('APPEND_IF_EXISTS_OR_ADD', change?.add)];
}

/** Envoy reads `%NAME%` as a command; what users write is text. */
function literal(value: string): string {
  return value.replaceAll('%', '%%');
}
