import type { WebSession } from '../sessions/web-session.js';
import type { Page, Visitor } from '../web/page.js';
import type { ConsentRequest } from './consent-requests.js';
import { isAllowedElsewhere } from './external-page.js';
import { consentPage } from './pages/consent-page.js';
import { declinedPage, donePage, expiredPage } from './pages/ended-pages.js';
import { accountDiffersPage, refusedPage } from './pages/provider-pages.js';
import { nameOfAccount } from './pages/request-words.js';
import { elsewherePage, type FormFault, uncheckedPage } from './pages/token-pages.js';
import type { PostgresSignInReturns } from './postgres-sign-in-returns.js';
import type { PostgresUnconfirmedAccountStore } from './postgres-unconfirmed-account-store.js';
import { returnOf } from './return-of.js';

export interface PageWishes {
  /** The person answered a page that is out of date. */
  readonly changed: boolean;
  /** The person wants to be asked again after a refusal. */
  readonly again: boolean;
  /** What was wrong with the token that they gave last. */
  readonly fault: FormFault | undefined;
}

/** Chooses the page of a request by its state: whatever the person does, a reload shows where it stands. */
export class RequestPages {
  constructor(
    private readonly unconfirmed: PostgresUnconfirmedAccountStore,
    private readonly returns: PostgresSignInReturns,
    private readonly publicUrl: string,
  ) {}

  async of(request: ConsentRequest, session: WebSession, wishes: PageWishes): Promise<Page> {
    const page = await this.#page(request, session, wishes);
    const { id, status } = request.interaction;
    if (status !== 'completed' && status !== 'declined') return page;
    // A client that waits for the person to sign in hears of it on the page of that sign-in.
    const onwardTo = (await this.returns.urlOf(id, session)) ?? returnOf(request.interaction);
    return onwardTo ? { ...page, onwardTo } : page;
  }

  async #page(request: ConsentRequest, visitor: Visitor, wishes: PageWishes): Promise<Page> {
    const page = { request, visitor };
    switch (request.interaction.status) {
      case 'completed':
        return donePage(page);
      case 'declined':
        return declinedPage(page);
      case 'expired':
        return expiredPage(page);
      case 'confirming':
        return this.#accountDiffers(request, visitor);
      case 'pending': {
        const { refused } = request.interaction.outcome;
        if (refused && !wishes.again) return refusedPage(page, { ...refused, status: 200 });
        if (isAllowedElsewhere(request)) return elsewherePage(page);
        const { changed, fault } = wishes;
        return consentPage({ ...page, changed, fault, host: new URL(this.publicUrl).host });
      }
    }
  }

  async #accountDiffers(request: ConsentRequest, visitor: Visitor): Promise<Page> {
    const returned = await this.unconfirmed.find(request);
    const page = { request, visitor };
    if (!returned) return expiredPage(page);
    if (request.way === 'paste') return uncheckedPage(page);
    return accountDiffersPage(page, {
      held: nameOfAccount(request.grant?.account),
      returned: nameOfAccount(returned.account),
    });
  }
}
