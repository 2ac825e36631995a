import { connectName } from './names.js';
import type { Asked } from './pauses.js';

const noArguments = { type: 'object', properties: {}, additionalProperties: false };
const signInName = 'symbolon_sign_in';

/** The tool that stands for an upstream before consent, as it is listed: calling it leads there. */
export function connectTool(slug: string, name: string): string {
  return JSON.stringify({
    name: connectName(slug),
    title: `Connect ${name}`,
    description: `Connect your ${name} account. Its own tools appear once you are connected.`,
    inputSchema: noArguments,
  });
}

/** The tool that stands for everything that takes a token, as it is listed: calling it is answered with the challenge. */
export const signInTool = JSON.stringify({
  name: signInName,
  title: 'Sign in',
  description: 'Sign in to see the tools of the other services.',
  inputSchema: noArguments,
});

export function isSignInTool({ method, params }: Asked): boolean {
  return method === 'tools/call' && params['name'] === signInName;
}
