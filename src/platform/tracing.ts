import { type Attributes, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { TraceAttributes, Tracer } from '../engine/ports/tracer.ts';

/** A value of a span's attribute is cut off here: names and words of others have no place of their own in it. */
const MAX_TEXT = 256;
const NAME = 'serin';

/**
 * Spans by OpenTelemetry's API alone. Without an SDK, which the operator loads before Serin, the API does nothing, and
 * so does this.
 */
export function createTracer(version: string): Tracer {
  // Asked for each time: the API hands out one that does nothing until an SDK is there.
  const tracer = () => trace.getTracer(NAME, version);
  return {
    span: (name, attributes, work) =>
      tracer().startActiveSpan(name, async (span) => {
        tell(span, attributes);
        try {
          return await work();
        } catch (error) {
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
        }
      }),
    note: (attributes) => tell(trace.getActiveSpan(), attributes),
    past: (name, attributes, fromMs, toMs) => {
      const span = tracer().startSpan(name, { startTime: fromMs });
      tell(span, attributes);
      span.end(toMs);
    },
  };
}

/** One request to the HTTP API, as part of what its `traceparent` names. */
export interface RequestTrace {
  /** Runs what belongs to the request within its span. */
  within(run: () => void): void;
  end(route: string, status: number): void;
}

export function createRequestTraces(
  version: string,
): (method: string, headers: Readonly<Record<string, unknown>>) => RequestTrace {
  return (method, headers) => {
    const caller = propagation.extract(context.active(), headers);
    const options = { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } };
    const span = trace.getTracer(NAME, version).startSpan('http', options, caller);
    return {
      within: (run) => context.with(trace.setSpan(caller, span), run),
      end: (route, status) => {
        // The route as it is declared: what a path holds is of any size and number.
        span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
        span.updateName(`${method} ${route}`);
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  };
}

/** Where nobody listens nothing is put together. */
function tell(span: Span | undefined, attributes: TraceAttributes): void {
  if (span?.isRecording() === true) span.setAttributes(bounded(attributes));
}

function bounded(attributes: TraceAttributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      `serin.${name}`,
      typeof value === 'string' ? value.slice(0, MAX_TEXT) : value,
    ]),
  );
}
