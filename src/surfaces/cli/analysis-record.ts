import type { Command } from 'commander';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';

/** `serin analysis record` */
export function recordCommand(analysis: Command, context: CommandContext, run: Run): void {
  analysis
    .command('record')
    .description('what a rollout looked like to its judge, as JSON lines to be judged again')
    .requiredOption('--rollout <id>', 'which one; also one that has ended, while Prometheus has its samples')
    .option('--backend <name>', 'of a joint rollout: whose arms; default: the first one')
    .action(({ rollout, backend }: { readonly rollout: string; readonly backend?: string }) =>
      run(async () => {
        const read = await context.client().recording(rollout, backend ?? null);
        if (read.kind === 'error') return context.failed(read.errors);
        // One line each, whatever the output is asked to be: a recording is a file.
        for (const line of read.value.lines) context.terminal.json(line);
        return EXIT.done;
      })(),
    );
}
