import type { PinMatch, ValueMatch } from '../../model/match.ts';

/** Which requests a step pins, in words. */
export function matchWords({ path, method, headers, cookies = [], queryParams = [] }: PinMatch): string {
  return [
    ...(method === undefined ? [] : [`method ${method}`]),
    ...(path === undefined ? [] : [`path ${path.type} ${path.value}`]),
    ...headers.map((one) => `header ${valueWords(one)}`),
    ...cookies.map((one) => `cookie ${valueWords(one)}`),
    ...queryParams.map((one) => `query parameter ${valueWords(one)}`),
  ].join(' and ');
}

function valueWords(match: ValueMatch): string {
  switch (match.type) {
    case 'Present':
      return `${match.name} is there`;
    case 'Absent':
      return `${match.name} is not there`;
    case 'Range':
      return `${match.name} from ${match.start} to below ${match.end}`;
    case 'Exact':
      return `${match.name} = ${match.value}`;
    default:
      return `${match.name} ${match.type} ${match.value}`;
  }
}
