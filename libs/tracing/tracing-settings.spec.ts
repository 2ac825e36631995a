import { describe, expect, test } from 'vitest';
import { wantsTracing } from './tracing-settings.js';

describe('OpenTelemetry’s variables', () => {
  test.each([
    ['none of them', {}, false],
    ['an endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, true],
    ['one of traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c.example/v1/traces' }, true],
    ['an exporter', { OTEL_TRACES_EXPORTER: 'otlp' }, true],
    [
      'no exporter',
      { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
      false,
    ],
    [
      'the SDK switched off',
      { OTEL_SDK_DISABLED: 'TRUE', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
      false,
    ],
    ['an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  ])('%s', (_what, environment, wanted) => {
    expect(wantsTracing(environment)).toBe(wanted);
  });

  test('what cannot be done is said, all of it', () => {
    const environment = {
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    };
    expect(() => wantsTracing(environment)).toThrow(
      /OTEL_TRACES_EXPORTER: must be otlp or none[^]*OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL[^]*OTEL_EXPORTER_OTLP_PROTOCOL: must be http\/protobuf; "grpc"/,
    );
  });
});
