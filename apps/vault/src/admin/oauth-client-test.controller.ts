import { Controller, HttpCode, Inject, Param, Post, Req, UseGuards } from '@nestjs/common';
import { AdminGuard, type AdminRequest } from './admin.guard.js';
import { authorityOf } from './admin-principal.js';
import { askedBy } from '../providers/asked-by.js';
import { RegisterAgain } from './register-again.js';
import { RotateSigningKey } from './rotate-signing-key.js';
import { TestOAuthClient } from './test-oauth-client.js';

/** What is done to an oauth client besides changing its document. */
@Controller('admin/v1/oauth-clients/:slug')
@UseGuards(AdminGuard)
export class OAuthClientTestController {
  constructor(
    @Inject(TestOAuthClient) private readonly testing: TestOAuthClient,
    @Inject(RotateSigningKey) private readonly rotation: RotateSigningKey,
    @Inject(RegisterAgain) private readonly registering: RegisterAgain,
  ) {}

  @Post('test')
  @HttpCode(200)
  test(@Param('slug') slug: string, @Req() request: AdminRequest) {
    return askedBy.run(request.id, () => this.testing.test(slug));
  }

  @Post('rotate-key')
  @HttpCode(200)
  rotateKey(@Param('slug') slug: string, @Req() request: AdminRequest) {
    return this.rotation.rotate(slug, authorityOf(request.admin, request.id));
  }

  @Post('register')
  @HttpCode(200)
  register(@Param('slug') slug: string, @Req() request: AdminRequest) {
    return this.registering.register(slug, authorityOf(request.admin, request.id));
  }
}
