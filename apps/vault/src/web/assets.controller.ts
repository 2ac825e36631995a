import { Controller, Get, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Problem } from '#lib/problem/problem';
import { assets } from './assets.js';

@Controller('assets')
export class AssetsController {
  @Get(':name')
  async get(@Param('name') name: string, @Res() reply: FastifyReply): Promise<void> {
    const asset = assets.get(name);
    if (!asset) throw new Problem('not-found', 'There is no such file.');
    await reply
      .headers({
        'content-type': asset.type,
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
      })
      .send(asset.body);
  }
}
