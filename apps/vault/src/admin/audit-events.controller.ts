import { Readable } from 'node:stream';
import { Controller, Get, Inject, Param, Query, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Problem } from '#lib/problem/problem';
import { AdminGuard, type AdminRequest } from './admin.guard.js';
import { ListPages, readQuery } from './list-page.js';
import { PostgresAuditExport } from '../audit/postgres-audit-export.js';
import { PostgresAuditEvents } from './postgres-audit-events.js';

const time = z.iso.datetime({ offset: true }).optional();
const filters = {
  actor: z.string().min(1).max(500).optional(),
  action: z.string().min(1).max(100).optional(),
  from: time,
  to: time,
};
const exportRange = {
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  from: time,
  to: time,
};

async function* ndjson(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

@Controller('admin/v1/audit-events')
@UseGuards(AdminGuard)
export class AuditEventsController {
  constructor(
    @Inject(PostgresAuditEvents) private readonly events: PostgresAuditEvents,
    @Inject(ListPages) private readonly pages: ListPages,
    @Inject(PostgresAuditExport) private readonly exported: PostgresAuditExport,
  ) {}

  @Get()
  list(@Req() request: AdminRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.pages.answer(
      { name: 'audit-events', filters },
      { request, reply },
      {
        read: (before, most, wanted) => this.events.list(wanted, { before, limit: most }),
        position: (entry) => entry.id,
        present: (entry) => entry,
      },
    );
  }

  /** NDJSON in the order of the chain; `symbolon audit verify` computes it again. */
  @Get('export')
  export(@Query() query: unknown, @Res() reply: FastifyReply): void {
    const range = readQuery(exportRange, query);
    void reply
      .headers({ 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
      .send(Readable.from(ndjson(this.exported.lines(range))));
  }

  @Get(':id')
  async get(@Param('id') id: string) {
    const entry = /^[1-9]\d{0,17}$/.test(id) ? await this.events.byId(id) : undefined;
    if (entry) return entry;
    throw new Problem('not-found', 'There is no such audit event.');
  }
}
