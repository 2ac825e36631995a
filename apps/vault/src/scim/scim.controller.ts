import {
  All,
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Req,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import {
  listResponse,
  serviceProviderConfig,
  userResourceType,
  userSchemaDocument,
} from './domain/discovery.js';
import { ScimRefusal } from './domain/scim-refusal.js';
import { presentUser, userSchema } from './domain/scim-user.js';
import { readListRequest } from './list-request.js';
import { PostgresScimUsers, type StoredUser } from './postgres-scim-users.js';
import { noSuchUser, ProvisionUser } from './provision-user.js';
import type { ScimCaller, ScimRequest } from './scim-caller.js';
import { ScimErrorFilter } from './scim-error.filter.js';
import { ScimGuard } from './scim.guard.js';

const media = 'application/scim+json';
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** SCIM 2.0 (RFC 7643, 7644) for one resource: the users of one issuer's identity provider. */
@Controller('scim/v2/:issuer')
@UseGuards(ScimGuard)
@UseFilters(ScimErrorFilter)
export class ScimController {
  constructor(
    @Inject(ProvisionUser) private readonly provision: ProvisionUser,
    @Inject(PostgresScimUsers) private readonly users: PostgresScimUsers,
  ) {}

  @Get('ServiceProviderConfig')
  @Header('content-type', media)
  config(@Req() { scim }: ScimRequest) {
    return serviceProviderConfig(scim.base);
  }

  @Get('ResourceTypes')
  @Header('content-type', media)
  resourceTypes(@Req() { scim }: ScimRequest) {
    return listResponse([userResourceType(scim.base)], { total: 1, startIndex: 1 });
  }

  @Get('ResourceTypes/User')
  @Header('content-type', media)
  resourceType(@Req() { scim }: ScimRequest) {
    return userResourceType(scim.base);
  }

  @Get('Schemas')
  @Header('content-type', media)
  schemas(@Req() { scim }: ScimRequest) {
    return listResponse([userSchemaDocument(scim.base)], { total: 1, startIndex: 1 });
  }

  @Get('Schemas/:id')
  @Header('content-type', media)
  schema(@Param('id') id: string, @Req() { scim }: ScimRequest) {
    if (id === userSchema) return userSchemaDocument(scim.base);
    throw new ScimRefusal(404, undefined, 'There is no such schema.');
  }

  @Get('Users')
  @Header('content-type', media)
  async list(@Query() query: unknown, @Req() { scim }: ScimRequest) {
    const { filter, startIndex, count } = readListRequest(query);
    const { total, users } = await this.users.list(scim.issuerId, filter, { startIndex, count });
    const found = users.map((user) => presentUser(user, scim.base));
    return listResponse(found, { total, startIndex });
  }

  @Post('Users')
  @Header('content-type', media)
  async create(
    @Body() body: unknown,
    @Req() { scim }: ScimRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const user = await this.provision.create(scim, jsonOf(body));
    reply.header('location', `${scim.base}/Users/${user.id}`);
    return presentUser(user, scim.base);
  }

  @Get('Users/:id')
  @Header('content-type', media)
  async get(@Param('id') id: string, @Req() { scim }: ScimRequest) {
    const user = await this.users.find(scim.issuerId, knownId(id));
    return present(user, scim);
  }

  @Put('Users/:id')
  @Header('content-type', media)
  async replace(@Param('id') id: string, @Body() body: unknown, @Req() { scim }: ScimRequest) {
    return present(await this.provision.replace(scim, knownId(id), jsonOf(body)), scim);
  }

  @Patch('Users/:id')
  @Header('content-type', media)
  async patch(@Param('id') id: string, @Body() body: unknown, @Req() { scim }: ScimRequest) {
    return present(await this.provision.patch(scim, knownId(id), jsonOf(body)), scim);
  }

  @Delete('Users/:id')
  @HttpCode(204)
  remove(@Param('id') id: string, @Req() { scim }: ScimRequest) {
    return this.provision.remove(scim, knownId(id));
  }

  @All('*')
  other(): never {
    throw new ScimRefusal(
      404,
      undefined,
      'Only Users, ServiceProviderConfig, ResourceTypes and Schemas are here.',
    );
  }
}

function present(user: StoredUser | undefined, { base }: ScimCaller): object {
  if (user === undefined) throw noSuchUser();
  return presentUser(user, base);
}

function knownId(id: string): string {
  if (uuid.test(id)) return id;
  throw noSuchUser();
}

/** SCIM's own media type comes as text. */
function jsonOf(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    throw new ScimRefusal(400, 'invalidSyntax', 'The body is not JSON.');
  }
}
