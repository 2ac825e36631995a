import { createHash, randomBytes, randomUUID } from 'node:crypto';

export type InteractionStatus = 'pending' | 'completed' | 'declined' | 'expired';

export interface Interaction {
  readonly id: string;
  /** Last segment of the link. */
  readonly link: string;
  readonly subject: string;
  readonly upstream: string;
  readonly expiresAtMs: number;
  status: InteractionStatus;
}

const lifeMs = 600_000;

/** Who has connected what. Nothing outlives the process. */
export class People {
  readonly #interactions = new Map<string, Interaction>();
  /** How often the token of a connection was made anew. */
  readonly #connections = new Map<string, number>();

  constructor(private readonly everybodyConnected: boolean) {}

  /** What stands for the upstream token of a person; undefined where they have not agreed. */
  token(subject: string, upstream: string, rejectedSha256?: string): string | undefined {
    const key = keyOf(subject, upstream);
    if (this.everybodyConnected && !this.#connections.has(key)) this.#connections.set(key, 1);
    const count = this.#connections.get(key);
    if (count === undefined || count === 0) return undefined;
    const token = `fake.${upstream}.${subject}.${count}`;
    if (sha256(token) !== rejectedSha256) return token;
    this.#connections.set(key, count + 1);
    return `fake.${upstream}.${subject}.${count + 1}`;
  }

  /** The pending interaction of a person, a new one if there is none. */
  ask(subject: string, upstream: string): Interaction {
    const pending = [...this.#interactions.values()].find(
      (one) => one.subject === subject && one.upstream === upstream && statusOf(one) === 'pending',
    );
    if (pending !== undefined) return pending;
    const link = randomBytes(32).toString('base64url');
    const expiresAtMs = Date.now() + lifeMs;
    const made = { id: randomUUID(), link, subject, upstream, expiresAtMs };
    const interaction: Interaction = { ...made, status: 'pending' };
    this.#interactions.set(made.id, interaction);
    return interaction;
  }

  byId(id: string): Interaction | undefined {
    return this.#interactions.get(id);
  }

  byLink(link: string): Interaction | undefined {
    return [...this.#interactions.values()].find((one) => one.link === link);
  }

  end(interaction: Interaction, status: 'completed' | 'declined'): void {
    if (statusOf(interaction) !== 'pending') return;
    interaction.status = status;
    const key = keyOf(interaction.subject, interaction.upstream);
    if (status === 'completed') this.#connections.set(key, (this.#connections.get(key) ?? 0) + 1);
  }

  revoke(subject: string, upstream: string): void {
    this.#connections.set(keyOf(subject, upstream), 0);
  }
}

export function statusOf({ status, expiresAtMs }: Interaction): InteractionStatus {
  return status === 'pending' && Date.now() >= expiresAtMs ? 'expired' : status;
}

function keyOf(subject: string, upstream: string): string {
  return JSON.stringify([subject, upstream]);
}

function sha256(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
