import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import type { Answer, Ask, OpenTarget } from './target.ts';

/** Opens one target and runs the inputs that come in; whatever kills this process is a finding of the parent. */
const module = (await import(pathToFileURL(process.argv[2] ?? '').href)) as { readonly default: OpenTarget };
const target = await module.default();
const send = (message: Answer | 'open') => process.send?.(message);

process.on('message', (ask: Ask) => void answerTo(ask));
process.on('disconnect', () => process.exit(0));
send('open');

async function answerTo(ask: Ask): Promise<void> {
  const input = Buffer.from(ask.input);
  let broken: string | null = null;
  const threw = (cause: unknown): void => {
    broken = `threw ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`;
  };
  await target.prepare?.(input).catch(threw);
  const [before, cpu] = [performance.eventLoopUtilization(), process.cpuUsage()];
  if (broken === null) {
    await target.run(input).then((said) => {
      broken = said;
    }, threw);
  }
  const { user, system } = process.cpuUsage(cpu);
  // Of a busy machine the one counts what others did, the other what the collector did beside the loop.
  const activeMs = Math.min(performance.eventLoopUtilization(before).active, (user + system) / 1_000);
  const rssMb = Math.round(process.memoryUsage.rss() / 1024 / 1024);
  send({ id: ask.id, broken, activeMs, rssMb, taken: target.taken?.() ?? false });
}
