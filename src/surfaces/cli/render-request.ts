import type { RequestExplanation } from '../../core/traffic/evaluate/explain-request.ts';
import type { SampleRequest } from '../../core/traffic/evaluate/sample-request.ts';
import { table } from './render.ts';

/** More routes than this that were looked at before help nobody. */
const MAX_PASSED = 12;

/** Where a request goes, in words. */
export function requestLines({ method, host, path }: SampleRequest, told: RequestExplanation): readonly string[] {
  const asked = `${method} ${host}${path}`;
  if (told.host === null) return [`${asked}: no Route of fleet ${told.fleet} is for this host; Envoy answers 404.`];
  const by = `Route ${told.host.route} of fleet ${told.fleet} (${told.host.hostname})`;
  const lines = [`${asked}: ${by}${told.rule === null ? '' : `, rule ${told.rule}`}`, ...answerLines(told)];
  if (told.passed.length > 0) {
    lines.push('Looked at before, in this order:');
    const rows = told.passed
      .slice(0, MAX_PASSED)
      .map(({ rule, envoyRoute, because }) => [`  ${rule ?? envoyRoute}`, because]);
    lines.push(...table(rows));
    if (told.passed.length > MAX_PASSED) lines.push(`  and ${told.passed.length - MAX_PASSED} more`);
  }
  const patched = told.patched.map((one) => `Patched: ${one}; what the patch does was not looked at.`);
  return [...lines, ...patched, ...told.notes.map((note) => `Note: ${note}.`)];
}

function answerLines({ answer, status, arms, rule }: RequestExplanation): readonly string[] {
  switch (answer) {
    case 'nowhere':
      return ['  no rule is for it; Envoy answers 404'];
    case 'redirect':
      return [`  Envoy sends the client elsewhere (${status})`];
    case 'respond':
      return [
        `  Envoy answers ${status} by itself${rule !== null && status === 503 ? ': no revision is deployed' : ''}`,
      ];
    case 'forward':
      return table(
        arms.map(({ backend, revision, arm, probability, pinned, cluster }) => [
          `  ${percent(probability)}`,
          `${backend} ${revision}`,
          `${arm ?? 'retired'}${pinned ? ', pinned by match' : ''}`,
          cluster,
        ]),
      );
  }
}

function percent(share: number): string {
  return `${Math.round(share * 1e6) / 1e4} %`;
}
