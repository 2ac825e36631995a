import { Controller, Get, Inject, Param, UseGuards } from '@nestjs/common';
import { Problem } from '#lib/problem/problem';
import { allTemplates, templateNamed } from '../templates/catalogue.js';
import { PUBLIC_URL } from '../tokens.js';
import { AdminGuard } from './admin.guard.js';
import { presentTemplate } from './present-template.js';

/** What is known of providers; read only, because it is part of the release. */
@Controller('admin/v1/templates')
@UseGuards(AdminGuard)
export class TemplatesController {
  constructor(@Inject(PUBLIC_URL) private readonly publicUrl: string) {}

  @Get()
  list() {
    return { items: allTemplates().map((one) => this.#present(one)), nextCursor: null };
  }

  @Get(':name')
  get(@Param('name') name: string) {
    const found = templateNamed(name);
    if (found) return this.#present(found);
    throw new Problem('not-found', 'There is no such template.');
  }

  /** The redirect URI is known before there is an oauth client: it is made of its slug. */
  #present(template: NonNullable<ReturnType<typeof templateNamed>>) {
    return { ...presentTemplate(template), redirectUri: `${this.publicUrl}/callback/{slug}` };
  }
}
