// Who is signed in, and what they see: the sign-in page, or the shell with the page of the address.
import Spinner from "@cloudscape-design/components/spinner";
import Box from "@cloudscape-design/components/box";
import { useCallback, useEffect, useRef, useState } from "react";
import { session, type Session, signIn, whenElsewhere, whenEnded } from "./api";
import { SignIn, SignInAgain } from "./pages/sign-in";
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
  // A call that finds the session over waits here for the same user, whose page stays as it was.
  const waiting = useRef<((again: boolean) => void)[]>([]);
  const [ended, setEnded] = useState(false);
  const settle = useCallback((again: boolean) => {
    setEnded(false);
    for (const go of waiting.current.splice(0)) go(again);
  }, []);
  useEffect(
    () =>
      whenEnded(() => {
        setEnded(true);
        return new Promise((resolve) => waiting.current.push(resolve));
      }),
    [],
  );
  // Another page of this browser signed in: the same user goes on here, too. INVARIANT: where one signed out, none goes
  // on showing what the user might see.
  const arn = who?.arn;
  useEffect(() => {
    const follow = (found: Session | null) => {
      setWho(found);
      settle(found !== null && found.arn === arn);
    };
    return whenElsewhere(
      () => void session().then(follow, over),
      () => follow(null),
    );
  }, [arn, over, settle]);
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
  const leave = (why?: unknown) => {
    settle(false);
    over(why);
  };
  return (
    <>
      <Shell key={who.arn} who={who} theme={theme} onEnd={leave} />
      {ended && (
        <SignInAgain
          who={who}
          onLeave={() => leave()}
          onDone={(found) => {
            setWho(found);
            settle(found.arn === who.arn);
          }}
        />
      )}
    </>
  );
}
