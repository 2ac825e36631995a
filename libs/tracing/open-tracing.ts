import { wantsTracing } from './tracing-settings.js';
import type { OtelOptions } from './otel-tracing.js';
import type { Tracing } from './tracing.js';

export interface TracingOptions extends OtelOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Undefined where nobody asked for traces: then nothing of OpenTelemetry is loaded. Throws a ConfigurationError. */
export async function openTracing(options: TracingOptions): Promise<Tracing | undefined> {
  if (!wantsTracing(options.environment)) return undefined;
  const { OtelTracing } = await import('./otel-tracing.js');
  return new OtelTracing(options);
}
