import type { Browser, BrowserContext, Page } from 'playwright-core';

/** Somebody at a browser of their own: cookies, tabs and back button included. */
export class Person {
  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly corporate: string,
    private readonly upstream: string,
  ) {}

  /** `corporate` and `upstream` are login names; in the trial the password is the name. */
  static async at(browser: Browser, corporate: string, upstream: string): Promise<Person> {
    const context = await browser.newContext();
    return new Person(context, await context.newPage(), corporate, upstream);
  }

  /** Opens a link and signs in at the corporate issuer if asked to; ends at a page of the vault. */
  async open(link: string): Promise<void> {
    await this.page.goto(link);
    await this.#signInWhereAsked('corporate identity provider', this.corporate);
  }

  /** The whole of a consent, from the link to Done. */
  async consent(link: string): Promise<void> {
    await this.open(link);
    await this.allow();
    await this.page.getByRole('heading', { name: /is connected/ }).waitFor();
  }

  /** Presses Allow, and signs in and allows at the provider if it asks. */
  async allow(): Promise<void> {
    await this.page.getByRole('button', { name: /^Allow/ }).click();
    await this.page.waitForLoadState();
    await this.#signInWhereAsked('upstream identity provider', this.upstream);
    const provider = this.page.getByText('This is the upstream identity provider');
    const ended = this.page.getByRole('heading', {
      name: /is connected|did not finish|signed in to/,
    });
    await provider.or(ended).first().waitFor();
    if (await provider.isVisible()) await this.page.getByRole('button', { name: 'Allow' }).click();
  }

  heading(): Promise<string> {
    return this.page.getByRole('heading', { level: 1 }).innerText();
  }

  close(): Promise<void> {
    return this.context.close();
  }

  async #signInWhereAsked(provider: string, login: string): Promise<void> {
    const signIn = this.page.getByText(`This is the ${provider}`);
    const elsewhere = this.page
      .getByRole('banner')
      .or(this.page.getByRole('heading', { level: 1 }));
    await signIn.or(elsewhere).first().waitFor();
    const asked = await this.page.getByLabel('Password').isVisible();
    if (!asked || !(await signIn.isVisible())) return;
    await this.page.getByLabel('Name').fill(login);
    await this.page.getByLabel('Password').fill(login);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.waitForLoadState();
  }
}
