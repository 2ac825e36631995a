import { Body, Controller, HttpCode, Inject, Param, Post, UseGuards, Header } from '@nestjs/common';
import { z } from 'zod';
import { type FieldError, Problem } from '#lib/problem/problem';
import { explainIssues } from '../registry/domain/explain-issues.js';
import { AdminGuard } from './admin.guard.js';
import { ExplainCallerToken } from './explain-caller-token.js';

const body = z.strictObject({
  token: z.string().min(1).max(100_000),
  audience: z.string().min(1).max(500).optional(),
});

@Controller('admin/v1/issuers/:slug/test')
@UseGuards(AdminGuard)
export class IssuerTestController {
  constructor(@Inject(ExplainCallerToken) private readonly explain: ExplainCallerToken) {}

  @Post()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  test(@Param('slug') slug: string, @Body() given: unknown) {
    const parsed = body.safeParse(given);
    if (!parsed.success) throw invalid(explainIssues(parsed.error.issues, given));
    return this.explain.explain(slug, parsed.data);
  }
}

function invalid(errors: readonly FieldError[]): Problem {
  return new Problem('validation-failed', 'Send {"token": "…"} and, if wanted, an audience.', {
    errors,
  });
}
