import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Req,
  UseGuards,
} from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '#lib/problem/problem';
import type { PostgresRecoveryStore } from '../recovery/postgres-recovery-store.js';
import { presentRecovery } from '../recovery/present-recovery.js';
import type { Recovery } from '../recovery/recovery.js';
import type { ReplayEnds } from '../recovery/replay-ends.js';
import type { RequestRecovery } from '../recovery/request-recovery.js';
import { explainIssues } from '../registry/domain/explain-issues.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { RECOVERY_REQUESTS, RECOVERY_STORE, REGISTRY, REPLAY_ENDS } from '../tokens.js';
import { AdminGuard, type AdminRequest, by } from './admin.guard.js';
import { knownId } from './known-id.js';

const absent = 'There is no such recovery.';
const slug = z.string().min(1).max(63);
const startBody = z.strictObject({
  backupTime: z.iso
    .datetime({ offset: true })
    .transform((time) => new Date(time))
    .optional(),
  ratePerMinute: z.int().min(1).max(6_000).default(30),
  breakerShare: z.number().min(0.01).max(1).default(0.5),
  oauthClient: slug.optional(),
});
const stopBody = z.strictObject({ release: z.boolean().default(false) });
const text = z.string().max(500);
const at = z.string().max(40);
const replayBody = z.strictObject({
  grants: z
    .array(z.strictObject({ grantId: z.uuid(), at }))
    .max(1_000)
    .default([]),
  consents: z
    .array(
      z.strictObject({
        ...{ issuer: text, subject: text, application: text, consumer: text, upstream: text, at },
      }),
    )
    .max(1_000)
    .default([]),
});
const continueBody = z.strictObject({ oauthClient: slug.optional() });

/** After a restored backup. */
@Controller('admin/v1/recoveries')
@UseGuards(AdminGuard)
export class RecoveriesController {
  constructor(
    @Inject(RECOVERY_STORE) private readonly store: Pick<PostgresRecoveryStore, 'list' | 'byId'>,
    @Inject(RECOVERY_REQUESTS)
    private readonly requests: Pick<RequestRecovery, 'start' | 'stop' | 'goOn'>,
    @Inject(REPLAY_ENDS) private readonly ends: Pick<ReplayEnds, 'replay'>,
    @Inject(REGISTRY) private readonly registry: Registry,
  ) {}

  @Get()
  async list() {
    const items = (await this.store.list()).map((one) => this.#present(one));
    return { items, nextCursor: null };
  }

  @Post()
  @HttpCode(202)
  async start(@Body() body: unknown, @Req() request: AdminRequest) {
    const { backupTime, oauthClient, ...rest } = parsed(startBody, body);
    const wish = { backupTime, oauthClient, ...rest };
    return this.#present(await this.requests.start(wish, by(request)));
  }

  @Post('replay')
  @HttpCode(200)
  replay(@Body() body: unknown, @Req() request: AdminRequest) {
    return this.ends.replay(parsed(replayBody, body), by(request));
  }

  @Get(':id')
  async get(@Param('id') id: string) {
    const found = await this.store.byId(knownId(id, absent));
    if (found) return this.#present(found);
    throw new Problem('not-found', absent);
  }

  @Post(':id/stop')
  @HttpCode(200)
  async stop(@Param('id') id: string, @Body() body: unknown, @Req() request: AdminRequest) {
    const { release } = parsed(stopBody, body);
    return this.#present(await this.requests.stop(knownId(id, absent), release, by(request)));
  }

  @Post(':id/continue')
  @HttpCode(200)
  async goOn(@Param('id') id: string, @Body() body: unknown, @Req() request: AdminRequest) {
    const { oauthClient } = parsed(continueBody, body);
    return this.#present(await this.requests.goOn(knownId(id, absent), oauthClient, by(request)));
  }

  #present(recovery: Recovery) {
    return presentRecovery(recovery, this.registry.current());
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  throw new Problem('validation-failed', 'Correct what the errors name and send it again.', {
    errors: explainIssues(result.error.issues, body),
  });
}
