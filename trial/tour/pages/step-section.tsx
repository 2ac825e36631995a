import type { ClientKind } from '../sdk-clients.js';
import type { Action, Progress, Step, StepResult } from '../step.js';

/** One step: what is about to happen, its buttons, and what came of them. */
export function StepSection(props: {
  readonly step: Step;
  readonly number: number;
  readonly progress: Progress | undefined;
}) {
  const { step, number, progress } = props;
  return (
    <li class="step" id={step.id}>
      <h2>
        <span class="number">{number}</span>
        {step.title}
      </h2>
      <p>
        {step.text(
          progress?.visitor.name.split(' ')[0] ?? 'Alice',
          progress?.visitor.login ?? 'alice',
        )}
      </p>
      {progress === undefined
        ? null
        : step.actions.map((action) => <ActionForm action={action} progress={progress} />)}
      {step.actions.map((action) => {
        const result = progress?.results.get(action.id);
        return result === undefined ? null : <Result result={result} of={action} />;
      })}
    </li>
  );
}

function ActionForm({ action, progress }: { action: Action; progress: Progress }) {
  const repeated = progress.results.has(action.id);
  return (
    <form method="post" action={`/steps/${action.id}`}>
      {action.id === 'call' ? <ClientSwitch chosen={progress.kind} /> : null}
      <button type="submit" class={repeated ? '' : 'primary'}>
        {action.button}
      </button>
    </form>
  );
}

const kinds: readonly (readonly [ClientKind, string, string])[] = [
  ['modern', 'Modern', 'MCP 2026-07-28, stateless; asked with input_required'],
  ['legacy', 'Legacy', 'MCP 2025-11-25, sessions; asked with error -32042'],
  ['plain', 'Without elicitation', 'cannot be asked: gets the link in the text of an error'],
];

function ClientSwitch({ chosen }: { chosen: ClientKind }) {
  return (
    <fieldset>
      <legend>The client, also for the steps after this one</legend>
      {kinds.map(([kind, name, note]) => (
        <label>
          <input type="radio" name="kind" value={kind} checked={kind === chosen} />
          <span>
            {name} <small>{note}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function Result({ result, of }: { result: StepResult; of: Action }) {
  const { outcome, says, facts, table, links, raw } = result;
  return (
    <div class="result" id={`result-${of.id}`} data-outcome={outcome}>
      <p class={`says ${outcome}`}>{says}</p>
      {links?.map((link, index) => (
        <p>
          <a
            class={index === 0 ? 'button primary' : 'button'}
            href={link.href}
            target="_blank"
            rel="noopener"
          >
            {link.words}
          </a>{' '}
          <span class="soft small">opens in a new tab</span>
        </p>
      ))}
      {facts === undefined ? null : (
        <dl>
          {facts.map(({ name, value, exact }) => (
            <div>
              <dt>{name}</dt>
              <dd>{exact === true ? <code>{value}</code> : <bdi>{value}</bdi>}</dd>
            </div>
          ))}
        </dl>
      )}
      {table === undefined ? null : <Table {...table} />}
      {raw?.map(({ title, json, open }) => (
        <details open={open}>
          <summary>{title}</summary>
          <pre>{JSON.stringify(json, undefined, 2)}</pre>
        </details>
      ))}
    </div>
  );
}

function Table({ head, rows }: NonNullable<StepResult['table']>) {
  return (
    <table>
      <thead>
        <tr>
          {head.map((name) => (
            <th scope="col">{name}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([first, ...others]) => (
          <tr>
            <th scope="row">{first}</th>
            {others.map((value, index) => (
              <td data-head={head[index + 1]}>{value}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
