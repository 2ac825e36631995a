import { inTime } from '#lib/process/in-time';
import { isObject } from '../mcp/message.js';
import type { PeerAnswer, PeerRequest, ServerRequest, ServerRequestAnswer } from './peer.js';
import { requestIds } from './request-ids.js';
import { relatedKey } from './task-ids.js';

const lifeMs = 10 * 60_000;
/** How long a poll waits for the question that its server says it has. */
const patienceMs = 2_000;

/** One `tasks/result` of a legacy server, open at this replica, with what the server asks on it. */
export class HeldResult {
  /** What is not answered yet, under keys that come once. */
  readonly questions = new Map<string, ServerRequest>();
  readonly #stop = new AbortController();
  #wake = (): void => undefined;
  readonly #first = new Promise<void>((resolve) => {
    this.#wake = resolve;
  });
  isOver = false;

  constructor(
    private readonly taskId: string,
    private readonly forget: () => void,
  ) {}

  follow(send: (request: PeerRequest) => Promise<PeerAnswer>): void {
    const timer = setTimeout(() => this.stop(), lifeMs);
    timer.unref();
    const sent = send({
      id: requestIds.next(),
      method: 'tasks/result',
      params: { taskId: this.taskId },
      signal: this.#stop.signal,
      wish: { interaction: 'none' },
      onServerRequest: (question) => this.ask(question),
    });
    void sent
      .catch(() => undefined)
      .then(() => {
        clearTimeout(timer);
        this.isOver = true;
        this.forget();
        this.#wake();
      });
  }

  ask(question: ServerRequest): void {
    this.questions.set(`input-${requestIds.next()}`, question);
    this.#wake();
  }

  /** `undefined`: the client has none. */
  answer(key: string, answer: { readonly result: Readonly<Record<string, unknown>> } | undefined) {
    const question = this.questions.get(key);
    this.questions.delete(key);
    question?.respond(answer === undefined ? notAnswered : this.#related(answer.result));
  }

  /** Resolves at the first question, at the end, or soon. */
  async heard(signal: AbortSignal): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await inTime(Promise.race([this.#first, gone]), patienceMs);
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Everything of a task must say of which (2025-11-25). */
  #related(result: Readonly<Record<string, unknown>>): ServerRequestAnswer {
    const { _meta: meta } = result;
    const about = { [relatedKey]: { taskId: this.taskId } };
    return { result: { ...result, _meta: { ...(isObject(meta) ? meta : {}), ...about } } };
  }
}

const notAnswered: ServerRequestAnswer = { error: { code: -32_000, message: 'Not answered.' } };
