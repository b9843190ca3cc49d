// Who is signed in, and what they see: the sign-in page, or the shell with the page of the address.
import Spinner from "@cloudscape-design/components/spinner";
import Box from "@cloudscape-design/components/box";
import { useCallback, useEffect, useRef, useState } from "react";
import { session, type Session, signIn, whenEnded } from "./api";
import { SignIn } from "./pages/sign-in";
import { Shell } from "./shell";
import { useTheme } from "./theme";

/** The one-time link of `kansatsu console`, taken out of the address at once, so that it stays in no history. */
function link(): string | undefined {
  const found = /^#link=([\w-]+)$/.exec(location.hash)?.[1];
  if (found) history.replaceState(null, "", `${location.pathname}#/`);
  return found;
}

export function App() {
  const theme = useTheme();
  const [who, setWho] = useState<Session | null | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const over = useCallback((why?: unknown) => {
    setError(why);
    setWho(null);
  }, []);
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    const once = link();
    (once ? signIn({ link: once }) : session()).then(setWho, over);
  }, [over]);
  useEffect(() => whenEnded(() => over()), [over]);
  useEffect(() => {
    // A link that is pasted into a page that is open already does not load it anew by itself.
    const pasted = () => location.hash.startsWith("#link=") && location.reload();
    addEventListener("hashchange", pasted);
    return () => removeEventListener("hashchange", pasted);
  }, []);
  if (who === undefined) {
    return (
      <Box padding="xxxl" textAlign="center">
        <Spinner size="large" />
      </Box>
    );
  }
  if (who === null) {
    return (
      <SignIn
        theme={theme}
        error={error}
        onDone={(found) => {
          setError(undefined);
          setWho(found);
        }}
      />
    );
  }
  return <Shell who={who} theme={theme} onEnd={over} />;
}
