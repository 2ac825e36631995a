import { Module } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { AuditLog } from '../audit/audit-log.js';
import type { Refusals } from '../audit/refusals.js';
import { CompleteConsent } from '../connect/complete-consent.js';
import { ConnectModule } from '../connect/connect.module.js';
import { ConsentRequests } from '../connect/consent-requests.js';
import { CONSENT_STORES, type ConsentStores } from '../connect/consent-stores.js';
import { AUDIT_LOG, CLOCK, REFUSALS } from '../tokens.js';
import { ExternalInteractionsController } from './external-interactions.controller.js';
import { HandOverToken } from './hand-over-token.js';

/** Where pages of the company's own hand over the tokens that they were asked for. */
@Module({
  imports: [ConnectModule],
  controllers: [ExternalInteractionsController],
  providers: [
    {
      provide: HandOverToken,
      useFactory: (
        stores: ConsentStores,
        requests: ConsentRequests,
        completeConsent: CompleteConsent,
        ...[audit, refusals, clock]: [AuditLog, Refusals, Clock]
      ) => new HandOverToken({ stores, requests, completeConsent, audit, refusals, clock }),
      inject: [CONSENT_STORES, ConsentRequests, CompleteConsent, AUDIT_LOG, REFUSALS, CLOCK],
    },
  ],
})
export class ExternalModule {}
