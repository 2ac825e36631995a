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
import { AdminGuard, type AdminRequest, by } from './admin.guard.js';
import { KeyStatus, presentRotation } from '../rotation/key-status.js';
import { RequestRotation } from '../rotation/request-rotation.js';

const rotateBody = z.strictObject({ what: z.enum(['data-key', 'key-encryption-key']) });

@Controller('admin/v1/keys')
@UseGuards(AdminGuard)
export class KeysController {
  constructor(
    @Inject(KeyStatus) private readonly status: KeyStatus,
    @Inject(RequestRotation) private readonly rotation: RequestRotation,
  ) {}

  @Get()
  read() {
    return this.status.read();
  }

  @Post('rotate')
  @HttpCode(202)
  async rotate(@Body() body: unknown, @Req() request: AdminRequest) {
    const parsed = rotateBody.safeParse(body);
    if (!parsed.success)
      throw new Problem(
        'validation-failed',
        'Send {"what": "data-key"} or {"what": "key-encryption-key"}.',
        {
          errors: [
            {
              pointer: '/what',
              code: 'invalid',
              detail:
                'data-key seals everything anew; key-encryption-key wraps the data keys anew.',
            },
          ],
        },
      );
    return presentRotation(await this.rotation.rotate(parsed.data.what, by(request)));
  }

  @Post(':id/retire')
  @HttpCode(202)
  async retire(@Param('id') id: string, @Req() request: AdminRequest) {
    const begun = await this.rotation.retire(id, by(request));
    if (begun) return presentRotation(begun);
    throw new Problem('not-found', 'There is no such data key.');
  }
}
