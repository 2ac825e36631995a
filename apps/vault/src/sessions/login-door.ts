import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#lib/problem/problem';
import type { Issuer } from '../registry/domain/issuer.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { AttemptLimit } from '../web/attempt-limit.js';
import { seeOther, sendPage } from '../web/send-page.js';
import type { Admission } from './admission.js';
import type { BrowserBinding } from './browser-binding.js';
import { chooseIssuerPage } from './login-pages.js';
import type { StartLogin } from './start-login.js';

/**
 * Sends a visitor to sign in: straight on where there is one issuer, by a choice where there are several. The answer
 * never depends on whether what they ask for exists.
 */
export class LoginDoor {
  constructor(
    private readonly registry: Registry,
    private readonly startLogin: StartLogin,
    private readonly binding: BrowserBinding,
    private readonly limit: AttemptLimit,
  ) {}

  async admit(request: FastifyRequest, reply: FastifyReply, admission: Admission): Promise<void> {
    const { issuers } = this.registry.current();
    const [only] = issuers;
    if (!only) throw new Problem('temporarily-unavailable', 'No sign-in has been set up yet.');
    if (issuers.length === 1) return this.signIn(request, reply, only, admission);
    const choices = issuers.map(({ document }) => document);
    await sendPage(reply, chooseIssuerPage(choices, admission));
  }

  async signIn(
    request: FastifyRequest,
    reply: FastifyReply,
    issuer: Stored<Issuer>,
    admission: Admission,
  ): Promise<void> {
    this.limit.check(request.ip);
    this.limit.count(request.ip);
    const trip = this.binding.begin(request, reply);
    await seeOther(reply, await this.startLogin.start(issuer, trip, admission));
  }
}
