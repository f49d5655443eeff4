import { Argument, type Command } from 'commander';
import { documentSchema, SCHEMAS, type SchemaName } from '../../core/manifest/schema/document-schema.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';

/** `serin schema` */
export function schemaCommand(program: Command, { cli, terminal }: CommandContext, run: Run): void {
  program
    .command('schema')
    .description('JSON Schema of documents, for editors')
    .addArgument(
      new Argument('[kind]', 'of one kind; documents: of files with any of them; world: of what plans are played in')
        .choices(SCHEMAS)
        .default('documents'),
    )
    .action((name: SchemaName) =>
      run(async () => {
        const schema = documentSchema(name, cli.strategies().shipped);
        for (const line of JSON.stringify(schema, null, 2).split('\n')) terminal.out(line);
        return EXIT.done;
      })(),
    );
}
