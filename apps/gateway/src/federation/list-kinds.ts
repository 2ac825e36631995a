/** The lists that are joined: where their entries stand, what names one, and what says that they changed. */
export const listKinds = {
  'tools/list': { member: 'tools', key: 'name', changes: 'tools' },
  'prompts/list': { member: 'prompts', key: 'name', changes: 'prompts' },
  'resources/list': { member: 'resources', key: 'uri', changes: 'resources' },
  'resources/templates/list': {
    member: 'resourceTemplates',
    key: 'uriTemplate',
    changes: 'resources',
  },
} as const;

export type ListMethod = keyof typeof listKinds;
export type Changes = (typeof listKinds)[ListMethod]['changes'];

export const allChanges: readonly Changes[] = ['tools', 'prompts', 'resources'];

export function isListMethod(method: string): method is ListMethod {
  return Object.hasOwn(listKinds, method);
}

export function changedMethod(changes: Changes): string {
  return `notifications/${changes}/list_changed`;
}

/** Which lists a server's notification speaks of. */
export function changesIn(method: string): Changes | undefined {
  return allChanges.find((changes) => changedMethod(changes) === method);
}
