import type { Visitor } from './corporate-sign-in.js';
import type { ClientKind } from './sdk-clients.js';
import type { Whoami, WhoamiCaller } from './whoami-call.js';
import type { TourConfig } from './tour-config.js';
import type { TrialServices } from './trial-services.js';

export interface Fact {
  readonly name: string;
  readonly value: string;
  /** Shown in the typewriter face: fingerprints, ids, ciphertext. */
  readonly exact?: boolean;
}

export interface Link {
  readonly href: string;
  readonly words: string;
}

/** What an action came to, as the page shows it. */
export interface StepResult {
  /** `waiting`: the person has to do something before it is done. */
  readonly outcome: 'done' | 'waiting' | 'failed';
  readonly says: string;
  readonly facts?: readonly Fact[];
  readonly table?: {
    readonly head: readonly string[];
    readonly rows: readonly (readonly string[])[];
  };
  /** The first is the one to follow. */
  readonly links?: readonly Link[];
  readonly raw?: readonly {
    readonly title: string;
    readonly json: unknown;
    readonly open?: boolean;
  }[];
}

/** Everything that one visitor has done so far; lives in the tour's memory. */
export interface Progress {
  visitor: Visitor;
  kind: ClientKind;
  /** The caller whose call paused and still goes on. */
  waiting?: WhoamiCaller;
  lastLink?: string;
  /** The last answer of the warehouse. */
  seen?: Whoami;
  readonly results: Map<string, StepResult>;
}

/** What the steps work with. */
export interface Surroundings {
  readonly config: TourConfig;
  readonly services: TrialServices;
  /** The gateway's address of the demo warehouse. */
  readonly upstreamUrl: string;
}

export interface Action {
  readonly id: string;
  readonly button: string;
  run(progress: Progress, around: Surroundings): Promise<StepResult>;
}

export interface Step {
  readonly id: string;
  readonly title: string;
  /** What is about to happen, and why it matters. */
  readonly text: (name: string, login: string) => string;
  readonly actions: readonly Action[];
}
