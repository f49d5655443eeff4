import type { Report } from './report.ts';

/** SARIF 2.1.0, which code scanning takes. */
export function sarifReport({ findings, version }: Report): object {
  const rules = [...new Map(findings.map(({ code, severity, fix }) => [code, { severity, fix }]))];
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'serin',
            version,
            rules: rules.map(([id, { severity, fix }]) => ({
              id,
              shortDescription: { text: id.replaceAll('-', ' ') },
              help: { text: fix },
              defaultConfiguration: { level: severity },
            })),
          },
        },
        results: findings.map(({ code, severity, message, fix, place }) => ({
          ruleId: code,
          ruleIndex: rules.findIndex(([id]) => id === code),
          level: severity,
          message: { text: `${message} (${fix})` },
          locations: place === null ? [] : [location(place)],
        })),
      },
    ],
  };
}

function location({ file, line, column }: { file: string; line: number; column: number }): object {
  return {
    physicalLocation: {
      artifactLocation: { uri: file.replaceAll('\\', '/') },
      region: { startLine: line, startColumn: column },
    },
  };
}
