import type { Page } from '../web/page.js';
import { adminOperations } from './openapi.js';
import type { Operation } from './openapi-operations.js';

/** The admin API for people: the operations of `/openapi.json`, without a script. */
export function apiPage(): Page {
  const tags = [...new Set(adminOperations.map(({ tag }) => tag))];
  return {
    status: 200,
    title: 'Admin API',
    body: (
      <div class="api">
        <h1>Admin API</h1>
        <p>
          Bearer tokens only. Errors are problem documents that say what to do. The machine-readable
          description is <a href="/openapi.json">openapi.json</a>.
        </p>
        <nav aria-label="Collections">
          <ul>
            {tags.map((tag) => (
              <li key={tag}>
                <a href={`#${tag}`}>{tag}</a>
              </li>
            ))}
          </ul>
        </nav>
        {tags.map((tag) => (
          <section key={tag} id={tag}>
            <h2>{tag}</h2>
            {adminOperations
              .filter((operation) => operation.tag === tag)
              .map((operation) => (
                <OperationEntry key={operation.method + operation.path} operation={operation} />
              ))}
          </section>
        ))}
      </div>
    ),
  };
}

function OperationEntry({ operation }: { operation: Operation }) {
  const { method, path, summary, query = {}, headers = {}, answers } = operation;
  return (
    <details>
      <summary>
        <code>
          {method.toUpperCase()} {path}
        </code>{' '}
        {summary}
      </summary>
      <Terms title="Query" terms={query} />
      <Terms title="Headers" terms={headers} />
      <Terms
        title="Answers"
        terms={Object.fromEntries(
          Object.entries(answers).map(([status, { what }]) => [status, what]),
        )}
      />
    </details>
  );
}

function Terms({ title, terms }: { title: string; terms: Readonly<Record<string, string>> }) {
  const entries = Object.entries(terms);
  if (entries.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <dl>
        {entries.map(([name, what]) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
