import { z } from 'zod';
import type { Step, StepResult, Surroundings } from '../step.js';

export const atSignIn: Step = {
  id: 'at-sign-in',
  title: 'Consent before the first call',
  text: () =>
    'A client that cannot be asked would see an error with a link. For such clients the same warehouse is registered once more, with consentAtSignIn: its metadata sends the client to the vault, where signing in leads through the consent as well. To see it, add the second address to a client of yours; the start of the trial printed how.',
  actions: [{ id: 'at-sign-in', button: 'Compare the metadata', run: compare }],
};

const metadata = z.looseObject({ authorization_servers: z.array(z.string()) });

async function compare(_progress: unknown, { config }: Surroundings): Promise<StepResult> {
  const slugs = ['snowdemo', 'snowdemo-signin'];
  const found = await Promise.all(
    slugs.map(async (slug) => {
      const url = `${config.gateway}/.well-known/oauth-protected-resource/mcp/${slug}`;
      return metadata.parse(await (await fetch(url)).json());
    }),
  );
  const first = found.map(({ authorization_servers: [server = 'nobody'] }) => server);
  const named = (server = '') =>
    `${server === config.vault ? 'the vault' : 'the corporate provider'}, ${server}`;
  const differ = first[0] === config.corporateIdp && first[1] === config.vault;
  return {
    outcome: differ ? 'done' : 'failed',
    says: differ
      ? 'Clients find out by themselves where to sign in (RFC 9728): at the corporate provider for the first address, at the vault for the second.'
      : 'The two should name different authorization servers.',
    table: {
      head: ['Address', 'Sign-in begins at'],
      rows: slugs.map((slug, index) => [`${config.gateway}/mcp/${slug}`, named(first[index])]),
    },
    raw: found.map((json, index) => ({ title: `Raw metadata of ${slugs[index]}`, json })),
  };
}
