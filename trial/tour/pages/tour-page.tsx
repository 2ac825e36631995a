import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { allSteps } from '../all-steps.js';
import type { Progress, Step } from '../step.js';
import { StepSection } from './step-section.js';

export interface TourView {
  readonly progress: Progress | undefined;
  /** What went wrong outside the steps, in one sentence. */
  readonly problem?: string;
}

/** The whole tour on one page, with the state of each step. */
export function tourPage({ progress, problem }: TourView): string {
  return document(
    'The Symbolon tour',
    <>
      <header>
        <a class="skip" href="#steps">
          Skip to the steps
        </a>
        <h1>One call, two identities</h1>
        <p class="lead">
          A company signs people in at its own identity provider. A warehouse accepts only the
          tokens of another. This tour makes real calls through the gateway that runs on this
          machine, and shows what travels where.
        </p>
      </header>
      <main>
        {problem === undefined ? null : (
          <p class="says failed" role="alert">
            {problem}
          </p>
        )}
        {progress === undefined ? <SignIn /> : <Who progress={progress} />}
        {progress === undefined ? null : <Steps progress={progress} />}
        <ol class="steps" id="steps">
          {allSteps.map((step, index) => (
            <StepSection step={step} number={index + 1} progress={progress} />
          ))}
        </ol>
      </main>
    </>,
  );
}

/** A page for what is not the tour itself. */
export function messagePage(heading: string, text: string): string {
  return document(
    heading,
    <main>
      <header>
        <h1>{heading}</h1>
        <p class="lead">{text}</p>
        <p>
          <a class="button" href="/">
            To the tour
          </a>
        </p>
      </header>
    </main>,
  );
}

function SignIn() {
  return (
    <section class="step" aria-labelledby="begin">
      <h2 id="begin">Begin as Alice</h2>
      <p>
        The tour is an application of the company, with its own client at the corporate provider.
        Sign in there as <code>alice</code>; the password is the name itself.
      </p>
      <p>
        <a class="button primary" href="/sign-in">
          Sign in at the corporate provider
        </a>
      </p>
    </section>
  );
}

function Who({ progress: { visitor } }: { progress: Progress }) {
  return (
    <div class="who">
      <p>
        Signed in as <bdi>{visitor.name}</bdi> (<bdi>{visitor.login}</bdi>)
      </p>
      <form method="post" action="/start-over">
        <button class="quiet" type="submit">
          Start over
        </button>
      </form>
    </div>
  );
}

const stateWords = { done: 'done', waiting: 'waiting for you', failed: 'failed', open: 'not yet' };

function Steps({ progress }: { progress: Progress }) {
  const states = allSteps.map((step) => stateOf(step, progress));
  const done = states.filter((state) => state === 'done').length;
  return (
    <nav class="progress" aria-label="Steps of the tour">
      <p>
        {done} of {allSteps.length} steps done
      </p>
      <ol>
        {allSteps.map((step, index) => {
          const state = states[index] ?? 'open';
          return (
            <li class={state}>
              <a
                href={`#${step.id}`}
                aria-label={`${index + 1}, ${step.title}: ${stateWords[state]}`}
              >
                {index + 1}
                {state === 'done'
                  ? ' ✓'
                  : state === 'failed'
                    ? ' !'
                    : state === 'waiting'
                      ? ' …'
                      : ''}
              </a>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

function stateOf(step: Step, { results }: Progress): keyof typeof stateWords {
  const outcomes = step.actions.map(({ id }) => results.get(id)?.outcome);
  if (outcomes.includes('failed')) return 'failed';
  if (outcomes.includes('waiting')) return 'waiting';
  return outcomes.every((outcome) => outcome === 'done') ? 'done' : 'open';
}

function document(title: string, body: ComponentChildren): string {
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        <link rel="stylesheet" href="/style.css" />
        <link rel="icon" href="data:," />
      </head>
      <body>{body}</body>
    </html>
  );
  return `<!doctype html>${renderToString(page)}`;
}
