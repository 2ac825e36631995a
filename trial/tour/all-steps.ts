import type { Step } from './step.js';
import { atSignIn } from './steps/at-sign-in.js';
import { answer } from './steps/answer.js';
import { auditTrail } from './steps/audit-trail.js';
import { cachedCalls } from './steps/cached-calls.js';
import { disconnect } from './steps/disconnect.js';
import { expireNow } from './steps/expire-now.js';
import { firstCall } from './steps/first-call.js';
import { identities } from './steps/identities.js';
import { logSearch } from './steps/log-search.js';
import { oneAddress } from './steps/one-address.js';
import { outages } from './steps/outages.js';
import { pastedToken } from './steps/pasted-token.js';
import { somebodyElse } from './steps/somebody-else.js';
import { storedRow } from './steps/stored-row.js';
import { toolRules } from './steps/tool-rules.js';

/** In the order of the story. */
export const allSteps: readonly Step[] = [
  identities,
  firstCall,
  answer,
  cachedCalls,
  expireNow,
  somebodyElse,
  outages,
  storedRow,
  auditTrail,
  logSearch,
  disconnect,
  pastedToken,
  toolRules,
  oneAddress,
  atSignIn,
];
