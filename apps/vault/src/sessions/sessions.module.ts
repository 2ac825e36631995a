import { Inject, Module } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { Outbound } from '#lib/outbound/outbound';
import type { VaultLogger } from '../log-events.js';
import type { AuditLog } from '../audit/audit-log.js';
import type { Refusals } from '../audit/refusals.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { Sealer } from '../sealing/sealer.js';
import {
  AUDIT_LOG,
  CLOCK,
  DATABASE,
  LOGGER,
  OUTBOUND,
  PUBLIC_URL,
  REFUSALS,
  REGISTRY,
  SEALER,
} from '../tokens.js';
import { AttemptLimit } from '../web/attempt-limit.js';
import { BrowserBinding } from './browser-binding.js';
import { Cookies } from './cookies.js';
import { CorporateIdp } from './corporate-idp.js';
import { CsrfGuard } from './csrf.guard.js';
import { EndSession } from './end-session.js';
import { FinishLogin } from './finish-login.js';
import { LoginDoor } from './login-door.js';
import { LOGIN_PARTS, LoginController } from './login.controller.js';
import type { LoginParts } from './login.controller.js';
import { PostgresLoginAttemptStore } from './postgres-login-attempt-store.js';
import { PostgresWebSessionStore } from './postgres-web-session-store.js';
import { RequestSessions } from './request-sessions.js';
import { StartLogin } from './start-login.js';

// Sign-ins begun by one address: a whole office behind one is fine, a flood of rows is not.
const signInsAtOnce = { burst: 1_000, refillSeconds: 0.1 };
const sweepMs = 5 * 60 * 1000;

/** Signing in at the corporate IdP, and the session that comes of it. */
@Module({
  controllers: [LoginController],
  providers: [
    CsrfGuard,
    { provide: Cookies, useFactory: (url: string) => new Cookies(url), inject: [PUBLIC_URL] },
    {
      provide: PostgresWebSessionStore,
      useFactory: (database: PostgresDatabase) => new PostgresWebSessionStore(database),
      inject: [DATABASE],
    },
    {
      provide: PostgresLoginAttemptStore,
      useFactory: (database: PostgresDatabase, sealer: Sealer) =>
        new PostgresLoginAttemptStore(database, sealer),
      inject: [DATABASE, SEALER],
    },
    {
      provide: RequestSessions,
      useFactory: (store: PostgresWebSessionStore, cookies: Cookies) =>
        new RequestSessions(store, cookies),
      inject: [PostgresWebSessionStore, Cookies],
    },
    {
      provide: CorporateIdp,
      useFactory: (registry: Registry, outbound: Outbound, url: string, clock: Clock) =>
        new CorporateIdp(registry, outbound.fetch, url, clock),
      inject: [REGISTRY, OUTBOUND, PUBLIC_URL, CLOCK],
    },
    {
      provide: BrowserBinding,
      useFactory: (cookies: Cookies) => new BrowserBinding(cookies, 'login'),
      inject: [Cookies],
    },
    {
      provide: StartLogin,
      useFactory: (idp: CorporateIdp, attempts: PostgresLoginAttemptStore) =>
        new StartLogin(idp, attempts),
      inject: [CorporateIdp, PostgresLoginAttemptStore],
    },
    {
      provide: LoginDoor,
      useFactory: (registry: Registry, start: StartLogin, binding: BrowserBinding, clock: Clock) =>
        new LoginDoor(registry, start, binding, new AttemptLimit(signInsAtOnce, clock)),
      inject: [REGISTRY, StartLogin, BrowserBinding, CLOCK],
    },
    {
      provide: FinishLogin,
      useFactory: (
        database: PostgresDatabase,
        attempts: PostgresLoginAttemptStore,
        sessions: PostgresWebSessionStore,
        idp: CorporateIdp,
        ...[registry, audit]: [Registry, AuditLog]
      ) => new FinishLogin({ database, attempts, sessions }, idp, registry, audit),
      inject: [
        DATABASE,
        PostgresLoginAttemptStore,
        PostgresWebSessionStore,
        CorporateIdp,
        REGISTRY,
        AUDIT_LOG,
      ],
    },
    {
      provide: EndSession,
      useFactory: (
        database: PostgresDatabase,
        sessions: PostgresWebSessionStore,
        registry: Registry,
        audit: AuditLog,
      ) => new EndSession(database, sessions, registry, audit),
      inject: [DATABASE, PostgresWebSessionStore, REGISTRY, AUDIT_LOG],
    },
    {
      provide: LOGIN_PARTS,
      useFactory: (
        door: LoginDoor,
        finishLogin: FinishLogin,
        endSession: EndSession,
        binding: BrowserBinding,
        ...[sessions, registry, logger, refusals]: [
          RequestSessions,
          Registry,
          VaultLogger,
          Refusals,
        ]
      ): LoginParts => ({
        ...{ door, finishLogin, endSession, binding },
        ...{ sessions, registry, logger, refusals },
      }),
      inject: [
        LoginDoor,
        FinishLogin,
        EndSession,
        BrowserBinding,
        RequestSessions,
        REGISTRY,
        LOGGER,
        REFUSALS,
      ],
    },
  ],
  exports: [Cookies, RequestSessions, LoginDoor, CsrfGuard],
})
export class SessionsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(PostgresWebSessionStore) private readonly sessions: PostgresWebSessionStore,
    @Inject(PostgresLoginAttemptStore) private readonly attempts: PostgresLoginAttemptStore,
    @Inject(LOGGER) private readonly logger: VaultLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#sweep(), sweepMs);
    this.#timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  async #sweep(): Promise<void> {
    try {
      await this.sessions.removeEnded();
      await this.attempts.removeEnded();
    } catch (err) {
      this.logger.warn({ event: 'sessions.sweep_failed', err });
    }
  }
}
