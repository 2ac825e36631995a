import { ConfigurationError } from '#lib/config/environment';

type Environment = Readonly<Record<string, string | undefined>>;

const endpoints = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;
const protocols = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'] as const;
const spoken = 'http/protobuf';

/**
 * Whether OpenTelemetry's own variables ask for traces: an OTLP endpoint, or `OTEL_TRACES_EXPORTER=otlp`. Everything else that they
 * say is the SDK's to read. Throws a ConfigurationError for what would leave the operator without traces and without a word.
 */
export function wantsTracing(environment: Environment): boolean {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter = '' } = environment;
  if (disabled?.toLowerCase() === 'true' || exporter === 'none') return false;
  const given = endpoints.flatMap((name) => valueOf(environment, name));
  if (exporter === '' && given.length === 0) return false;
  const problems = [
    ...(exporter === '' || exporter === 'otlp'
      ? []
      : [`OTEL_TRACES_EXPORTER: must be otlp or none; "${exporter}" is not spoken here`]),
    ...given.flatMap(endpointProblem),
    ...protocols.flatMap((name) => valueOf(environment, name)).flatMap(protocolProblem),
  ];
  if (problems.length > 0) throw new ConfigurationError(problems);
  return true;
}

type Given = readonly [name: string, value: string];

function valueOf(environment: Environment, name: string): Given[] {
  const value = environment[name] ?? '';
  return value === '' ? [] : [[name, value]];
}

function endpointProblem([name, value]: Given): string[] {
  const isUrl = URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
  return isUrl ? [] : [`${name}: must be a URL such as https://collector.example.com:4318`];
}

function protocolProblem([name, value]: Given): string[] {
  return value === spoken ? [] : [`${name}: must be ${spoken}; "${value}" is not spoken here`];
}
