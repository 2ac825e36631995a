import type { Progress, Step, StepResult, Surroundings } from '../step.js';

export const identities: Step = {
  id: 'identities',
  title: 'Three identities, unlinked',
  text: (name) =>
    `${name} has an account at the company, another at the upstream provider, and a user in the warehouse. No list says that they belong together. Only ${name} can say so, once, in step 2.`,
  actions: [{ id: 'identities', button: 'Look up who is known', run: lookUp }],
};

async function lookUp(progress: Progress, { services }: Surroundings): Promise<StepResult> {
  const { visitor, seen } = progress;
  const grants = await services.grantsOf(visitor.subject);
  const grant = grants.find(({ status }) => status === 'active' || status === 'refreshing');
  return {
    outcome: 'done',
    says:
      grant === undefined
        ? 'The vault knows one of the three: the corporate one. It has nothing to guess the others from.'
        : 'The vault knows the upstream account because its owner signed in there. The warehouse user is known to the warehouse alone.',
    table: {
      head: ['Where', 'Who', 'Known because'],
      rows: [
        [
          'Corporate provider',
          `${visitor.login}, sub ${visitor.subject}`,
          'you have just signed in to this tour',
        ],
        [
          'Upstream provider',
          grant?.account
            ? `${grant.account.name ?? 'no name'}, sub ${grant.account.subject}`
            : 'not known',
          grant?.account ? 'you signed in there at your consent' : 'nobody has told the vault yet',
        ],
        [
          'Warehouse',
          seen === undefined ? 'not known' : `${seen.account}, role ${seen.role}`,
          seen === undefined
            ? 'no call has been answered yet'
            : 'the warehouse said so in its answer',
        ],
      ],
    },
    raw: [{ title: 'Raw answer of GET /admin/v1/grants', json: grants }],
  };
}
