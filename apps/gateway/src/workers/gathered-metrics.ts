import { AggregatorRegistry, type Registry } from 'prom-client';
import type { Measured } from './messages.js';

interface MeasuredWorker {
  readonly measured: Measured;
  measure(): Promise<boolean>;
}

export interface GatheredMetricsParts {
  /** The supervisor's own. */
  readonly registry: Registry;
  readonly workers: () => readonly MeasuredWorker[];
  /** Told how many did not answer in time; what they said before stands in for them. */
  readonly silent: (workers: number) => void;
}

/** The slowest loop is what an alarm is for: a mean of two hides one that hangs. */
const ofTheWorst = /^nodejs_eventloop_lag_(?!min)/;
const oldest = 'process_start_time_seconds';

/** The metrics of all workers in one answer: sums, as one process would have counted. */
export class GatheredMetrics {
  /** What workers that are no more had counted; without it the sums would go back. */
  #past: Measured[] = [];

  constructor(private readonly parts: GatheredMetricsParts) {}

  get contentType(): Registry['contentType'] {
    return this.parts.registry.contentType;
  }

  /** What is lost is what it counted since it was asked last. */
  remember({ measured }: MeasuredWorker): void {
    const counted = measured.filter(({ type }) => type === 'counter' || type === 'histogram');
    this.#past.push(counted);
  }

  async metrics(): Promise<string> {
    const { registry, workers, silent } = this.parts;
    const asked = workers();
    const answers = await Promise.all(asked.map((worker) => worker.measure()));
    silent(answers.filter((answered) => !answered).length);
    this.#past = [await measuredOf(AggregatorRegistry.aggregate([...this.#past]))];
    const own = await measuredOf(registry);
    const all = [...this.#past, ...asked.map((worker) => worker.measured), own];
    return AggregatorRegistry.aggregate(all.map((one) => one.map(judged))).metrics();
  }
}

/** What a registry holds, as data; its types say enum numbers where it says words. */
export async function measuredOf(registry: Pick<Registry, 'getMetricsAsJSON'>): Promise<Measured> {
  const metrics: unknown = await registry.getMetricsAsJSON();
  return metrics as Measured;
}

function judged(metric: Measured[number]): Measured[number] {
  if (ofTheWorst.test(metric.name)) return { ...metric, aggregator: 'max' };
  return metric.name === oldest ? { ...metric, aggregator: 'min' } : metric;
}
