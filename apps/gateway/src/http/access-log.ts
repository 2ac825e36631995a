import type { GatewayLogger } from '../log-events.js';
import type { HttpCall } from './http-call.js';

/** One line per call: who, through what, to where, and how it ended. Never a path, a query or a body. */
export class AccessLog {
  constructor(private readonly logger: GatewayLogger) {}

  wrote(call: HttpCall, ms: number): void {
    const { issuer, subject, application } = call.admitted.caller;
    this.logger.info({
      event: 'http.call',
      requestId: call.requestId,
      issuer,
      subject,
      application,
      upstream: call.upstream.config.slug,
      grantId: call.grantId,
      // nginx's 499: the client left before there was a status.
      status: call.response.headersSent ? call.response.statusCode : 499,
      ms: Math.round(ms),
    });
  }
}
