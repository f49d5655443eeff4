import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  type ContextManager,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';

/** A span as it was given to the API. */
export interface SeenSpan {
  readonly id: string;
  readonly traceId: string;
  /** Id of the span around it; `null`: there is none. */
  readonly parent: string | null;
  name: string;
  readonly attributes: Attributes;
  status: number;
  readonly startTime: unknown;
  endTime: unknown;
  ended: boolean;
}

/** What an operator's SDK would be: spans in memory, context by `AsyncLocalStorage`, `traceparent` of the caller. */
export function collectSpans(): { readonly spans: SeenSpan[]; stop(): void } {
  const spans: SeenSpan[] = [];
  let made = 0;
  const start = (name: string, attributes: Attributes = {}, startTime: unknown = null, around: Context): Span => {
    made += 1;
    const parent = trace.getSpanContext(around) ?? null;
    const id = made.toString(16).padStart(16, '0');
    const seen: SeenSpan = {
      ...{ id, traceId: parent?.traceId ?? made.toString(16).padStart(32, '0'), parent: parent?.spanId ?? null },
      ...{ name, attributes: { ...attributes }, status: 0, startTime, endTime: null, ended: false },
    };
    spans.push(seen);
    const own: SpanContext = { spanId: id, traceId: seen.traceId, traceFlags: 1 };
    const span: Span = {
      spanContext: () => own,
      setAttribute: (key, value) => span.setAttributes({ [key]: value }),
      setAttributes: (more) => Object.assign(seen.attributes, more) && span,
      addEvent: () => span,
      addLink: () => span,
      addLinks: () => span,
      setStatus: ({ code }) => {
        seen.status = code;
        return span;
      },
      updateName: (other) => {
        seen.name = other;
        return span;
      },
      end: (endTime) => Object.assign(seen, { ended: true, endTime: endTime ?? null }),
      isRecording: () => true,
      recordException: () => undefined,
    };
    return span;
  };
  trace.setGlobalTracerProvider({
    getTracer: () => ({
      startSpan: (name, options, around = context.active()) =>
        start(name, options?.attributes, options?.startTime, around),
      startActiveSpan: (name: string, ...rest: unknown[]) => {
        const work = rest.at(-1) as (span: Span) => unknown;
        const span = start(name, {}, null, context.active());
        return context.with(trace.setSpan(context.active(), span), () => work(span)) as never;
      },
    }),
  });
  context.setGlobalContextManager(contexts());
  propagation.setGlobalPropagator(traceparent);
  return {
    spans,
    stop: () => {
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}

function contexts(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (given, work, self, ...args) => storage.run(given, () => work.call(self as never, ...args)),
    bind: (_given, target) => target,
    enable: () => manager,
    disable: () => {
      storage.disable();
      return manager;
    },
  };
  return manager;
}

const traceparent: TextMapPropagator = {
  inject: () => undefined,
  fields: () => ['traceparent'],
  extract: (around, carrier) => {
    const text = String((carrier as Record<string, unknown>).traceparent ?? '');
    const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(text) ?? [];
    if (traceId === undefined || spanId === undefined) return around;
    return trace.setSpanContext(around, { traceId, spanId, traceFlags: 1, isRemote: true });
  },
};
