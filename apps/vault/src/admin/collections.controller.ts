import {
  Body,
  Controller,
  Delete,
  Get,
  Inject,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Problem } from '#lib/problem/problem';
import type { ChangeReport, ChangeRequest } from '../registry/change-request.js';
import { collectionNamed } from '../registry/collections.js';
import { entityTag } from '../registry/entity-tag.js';
import { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import { RegistryWriter } from '../registry/registry-writer.js';
import { PUBLIC_URL } from '../tokens.js';
import { AdminGuard, type AdminRequest } from './admin.guard.js';
import { authorityOf } from './admin-principal.js';
import { ListPages, readDryRun } from './list-page.js';
import { presentResource } from './present-resource.js';

type Conditions = Readonly<Record<string, string | undefined>>;

/** The five collections of the registry; what differs between them stands in their definitions. */
@Controller('admin/v1/:collection')
@UseGuards(AdminGuard)
export class CollectionsController {
  constructor(
    @Inject(PostgresRegistryStore) private readonly store: PostgresRegistryStore,
    @Inject(RegistryWriter) private readonly writer: RegistryWriter,
    @Inject(ListPages) private readonly pages: ListPages,
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
  ) {}

  @Get()
  async list(
    @Param('collection') name: string,
    @Req() request: AdminRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const collection = known(name);
    return this.pages.answer(
      { name, filters: {} },
      { request, reply },
      {
        read: async (after) => {
          const { rows } = await this.store.load();
          return rows.filter((row) => row.collection === collection.name && row.slug > after);
        },
        position: (row) => row.slug,
        present: (row) => presentResource(row, this.publicUrl),
      },
    );
  }

  @Get(':slug')
  async get(
    @Param('collection') name: string,
    @Param('slug') slug: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const collection = known(name);
    const { rows } = await this.store.load();
    const row = rows.find((one) => one.collection === collection.name && one.slug === slug);
    if (row === undefined)
      throw new Problem('not-found', `There is no ${collection.noun} of this slug.`);
    reply.header('etag', entityTag(row));
    return presentResource(row, this.publicUrl);
  }

  @Post()
  create(
    @Param('collection') name: string,
    @Body() body: unknown,
    @Query() query: unknown,
    @Req() request: AdminRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wish: ChangeRequest = { collection: known(name), method: 'create', body };
    return this.#change(wish, { request, reply, query });
  }

  @Put(':slug')
  put(
    @Param() { collection, slug }: { collection: string; slug: string },
    @Body() body: unknown,
    @Query() query: unknown,
    @Req() request: AdminRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wish: ChangeRequest = { collection: known(collection), method: 'put', slug, body };
    return this.#change(wish, { request, reply, query });
  }

  @Patch(':slug')
  patch(
    @Param() { collection, slug }: { collection: string; slug: string },
    @Body() body: unknown,
    @Query() query: unknown,
    @Req() request: AdminRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wish: ChangeRequest = { collection: known(collection), method: 'patch', slug, body };
    return this.#change(wish, { request, reply, query });
  }

  @Delete(':slug')
  delete(
    @Param() { collection, slug }: { collection: string; slug: string },
    @Query() query: unknown,
    @Req() request: AdminRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wish: ChangeRequest = { collection: known(collection), method: 'delete', slug };
    return this.#change(wish, { request, reply, query });
  }

  async #change(
    wish: ChangeRequest,
    { request, reply, query }: { request: AdminRequest; reply: FastifyReply; query: unknown },
  ) {
    const { dryRun } = readDryRun(query);
    const conditioned = { ...wish, ...conditionsOf(request.headers as Conditions) };
    const authority = authorityOf(request.admin, request.id);
    const [report] = await this.writer.change([conditioned], authority, { dryRun });
    if (report === undefined) throw new Error('A change was asked for and none reported.');
    return dryRun ? this.#foretold(report, reply) : this.#done(report, reply);
  }

  #foretold(report: ChangeReport, reply: FastifyReply) {
    const { action, changes, effects } = report;
    reply.code(200);
    return { dryRun: true, action, changes, effects };
  }

  #done({ action, collection, slug, row }: ChangeReport, reply: FastifyReply) {
    reply.code(action === 'created' ? 201 : row === undefined ? 204 : 200);
    if (row === undefined) return undefined;
    if (action === 'created') reply.header('location', `/admin/v1/${collection}/${slug}`);
    reply.header('etag', entityTag(row));
    return presentResource(row, this.publicUrl);
  }
}

function known(name: string) {
  const collection = collectionNamed(name);
  if (collection) return collection;
  throw new Problem('not-found', 'There is no such collection.');
}

function conditionsOf(headers: Conditions): Pick<ChangeRequest, 'ifMatch' | 'createOnly'> {
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined && noneMatch !== '*')
    throw new Problem('invalid-request', 'Of If-None-Match only * is supported here.');
  return { ifMatch: headers['if-match'], createOnly: noneMatch === '*' };
}
