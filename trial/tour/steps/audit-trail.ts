import type { Progress, Step, StepResult, Surroundings } from '../step.js';

export const auditTrail: Step = {
  id: 'audit',
  title: 'The audit trail',
  text: (name) =>
    `Everything that was done as ${name} stands in a log that the database itself lets nobody change: who, through which application, what, and how it ended. Never a token.`,
  actions: [{ id: 'audit', button: 'Read the audit trail', run: read }],
};

async function read(progress: Progress, { services }: Surroundings): Promise<StepResult> {
  const events = await services.auditEventsOf(progress.visitor.subject);
  if (events.length === 0) {
    return { outcome: 'waiting', says: 'Nothing is recorded yet: take step 2 first.' };
  }
  return {
    outcome: 'done',
    says: `The last ${events.length} events, newest first.`,
    table: {
      head: ['Time (UTC)', 'What', 'Outcome', 'Through'],
      rows: events.map(({ at, action, outcome, actor }) => [
        at.slice(11, 19),
        action,
        outcome,
        actor.application ?? actor.client ?? 'the browser',
      ]),
    },
    raw: [{ title: 'Raw answer of GET /admin/v1/audit-events', json: events }],
  };
}
