import { HttpBrowser } from '#lib/testing/http-browser';
import type { Progress, Step, StepResult } from '../step.js';

export const somebodyElse: Step = {
  id: 'somebody-else',
  title: 'Somebody else opens the link',
  text: (name) =>
    `A link is no key. Copy it into a private window and sign in as somebody else: the vault shows that the link does not work there, and says nothing of whose it is. The button does the same with a browser of the tour’s own, so that ${name} stays signed in here.`,
  actions: [{ id: 'somebody-else', button: 'Let a colleague open it', run: open }],
};

async function open({ visitor, lastLink }: Progress): Promise<StepResult> {
  if (lastLink === undefined) {
    return {
      outcome: 'waiting',
      says: 'There is no link yet: take step 2 first (after step 11 if the warehouse is connected already).',
    };
  }
  const colleague = visitor.login === 'bob' ? 'alice' : 'bob';
  const browser = new HttpBrowser();
  const login = await browser.get(lastLink);
  const page = login.body.includes('name="password"')
    ? await browser.submit(login, '/login', { login: colleague, password: colleague })
    : login;
  const heading = /<h1[^>]*>(.*?)<\/h1>/s.exec(page.body)?.[1]?.replaceAll(/<[^>]+>/g, '') ?? '';
  const refused = page.status === 404;
  return {
    outcome: refused ? 'done' : 'failed',
    says: refused
      ? `${colleague} was asked to sign in and then saw the same page as for a link that never existed.`
      : `${colleague} should have seen the page for an unknown link.`,
    facts: [
      { name: 'Opened by', value: colleague },
      { name: 'Status', value: String(page.status) },
      { name: 'The page says', value: heading },
      { name: 'To try it yourself, in a private window', value: lastLink, exact: true },
    ],
  };
}
