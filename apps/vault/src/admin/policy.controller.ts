import { Body, Controller, Header, HttpCode, Inject, Post, Req, UseGuards } from '@nestjs/common';
import { Problem } from '#lib/problem/problem';
import { ExplainPolicy } from '../policy/explain-policy.js';
import { policyQuestion } from '../policy/policy-question.js';
import { explainIssues } from '../registry/domain/explain-issues.js';
import { AdminReadingGuard, type AdminRequest, by } from './admin.guard.js';

/** Who may use what, and why. */
@Controller('admin/v1/policy/explain')
@UseGuards(AdminReadingGuard)
export class PolicyController {
  constructor(@Inject(ExplainPolicy) private readonly policy: ExplainPolicy) {}

  @Post()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  explain(@Body() body: unknown, @Req() request: AdminRequest) {
    const question = policyQuestion.safeParse(body);
    if (question.success) return this.policy.explain(question.data, by(request));
    throw new Problem(
      'validation-failed',
      'Send an upstream, if wanted a tool, and one of token, caller and anonymous.',
      { errors: explainIssues(question.error.issues, body) },
    );
  }
}
