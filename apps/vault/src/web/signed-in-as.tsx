import { Foreign } from './foreign.js';
import type { Visitor } from './page.js';

/** Who is asked, by name and account, and the way to be somebody else. */
export function SignedInAs({ visitor }: { visitor: Visitor }) {
  return (
    <div class="identity">
      <span>
        Signed in as{' '}
        <strong>
          <Foreign name={visitor.displayName} />
        </strong>{' '}
        {visitor.account !== visitor.displayName && (
          <span class="soft">
            (<Foreign name={visitor.account} />)
          </span>
        )}
      </span>
      <a href="?switch=1">Not you? Switch account</a>
    </div>
  );
}
