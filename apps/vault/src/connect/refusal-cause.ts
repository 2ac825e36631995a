import type { RefusalCause } from '../interactions/postgres-interaction-store.js';
import type { ProviderFailure } from '../providers/provider.js';

/** RFC 6749 §4.1.2.1 `error` of a callback, else our own finding. The provider's text is never used. */
export function refusalCause(error: string | null, code: ProviderFailure['code']): RefusalCause {
  switch (error) {
    case 'access_denied':
      return 'access_denied';
    case 'server_error':
    case 'temporarily_unavailable':
      return 'temporarily_unavailable';
    case 'invalid_request':
    case 'unauthorized_client':
    case 'unsupported_response_type':
    case 'invalid_scope':
    case 'invalid_target':
      return 'misconfigured';
    case null:
      return code === 'transient' ? 'temporarily_unavailable' : code;
    default:
      return 'other';
  }
}
