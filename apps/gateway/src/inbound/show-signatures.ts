import { Counter, Gauge, type Registry } from 'prom-client';
import { signatureOutcomes, type SignatureTurns } from './signature-turns.js';

/** The metrics of signatures, read when somebody asks for them. */
export function showSignatures(turns: SignatureTurns, registry: Registry): void {
  const registers = [registry];
  new Counter({
    name: 'symbolon_signatures_total',
    help: "Callers' tokens by what their signature was found to be; refused: too many were asked for, answered 503 unchecked.",
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const outcome of signatureOutcomes) this.inc({ outcome }, turns.outcomes[outcome]);
    },
  });
  new Gauge({
    name: 'symbolon_signatures_under_way',
    help: "Signatures of callers' tokens that are being computed.",
    registers,
    collect() {
      this.set(turns.underWay);
    },
  });
}
