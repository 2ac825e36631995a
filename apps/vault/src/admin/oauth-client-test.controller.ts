import { Controller, HttpCode, Inject, Param, Post, UseGuards } from '@nestjs/common';
import { AdminGuard } from './admin.guard.js';
import { TestOAuthClient } from './test-oauth-client.js';

@Controller('admin/v1/oauth-clients/:slug/test')
@UseGuards(AdminGuard)
export class OAuthClientTestController {
  constructor(@Inject(TestOAuthClient) private readonly testing: TestOAuthClient) {}

  @Post()
  @HttpCode(200)
  test(@Param('slug') slug: string) {
    return this.testing.test(slug);
  }
}
