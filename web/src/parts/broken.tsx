// Names, ARNs and actions: no words of a language, so nothing translates them, and they break between their parts.
import { Fragment } from "react";

const WHOLE = 20; // letters that stay on one line

/** Parts end with what divides them; only in one that is long are the words it is made of parts, too. */
function partsOf(text: string): string[] {
  if (text.length <= WHOLE) return [text];
  const parts = text.split(/(?<=[\s:/._@=,+-])(?![\s:/._@=,+-])/);
  return parts.flatMap((part) => (part.length > WHOLE ? part.split(/(?<=[a-z0-9])(?=[A-Z])/) : [part]));
}

export function Broken({ of }: { of: string }) {
  return (
    <span className="breaks" translate="no">
      {partsOf(of).map((part, at) => (
        <Fragment key={at}>
          {at > 0 && <wbr />}
          {part.length > WHOLE ? part : <span className="whole">{part}</span>}
        </Fragment>
      ))}
    </span>
  );
}

/** What somebody wrote, in whatever language. */
export function Prose({ of }: { of: string }) {
  return (
    <span className="breaks" lang="">
      {of}
    </span>
  );
}
