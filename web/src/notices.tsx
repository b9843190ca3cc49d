// What happened, told at the top of the page; and errors, in the words of AWS with what to do about them.
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { Failure } from "./api";
import { type Key, useWords, type Words } from "./i18n";
import { to } from "./route";

interface Notice {
  type: FlashbarProps.Type;
  content: ReactNode;
  action?: { text: string; act: () => void };
}

const Context = createContext<{ add: (notice: Notice) => void; shown: ReactNode } | null>(null);

export function Notices({ children }: { children: ReactNode }) {
  const [items, setItems] = useState<(Notice & { id: string })[]>([]);
  const { t } = useWords();
  const drop = useCallback((id: string) => setItems((all) => all.filter((item) => item.id !== id)), []);
  const add = useCallback((notice: Notice) => {
    const id = crypto.getRandomValues(new Uint32Array(1)).join("");
    // What went well before needs no more room, unless it can be undone.
    setItems((all) => [{ ...notice, id }, ...all.filter((item) => item.type !== "success" || item.action)].slice(0, 3));
  }, []);
  const shown = (
    <Flashbar
      items={items.map(({ id, type, content, action }) => ({
        id,
        type,
        content,
        dismissible: true,
        dismissLabel: t("dismiss"),
        onDismiss: () => drop(id),
        action: action && (
          <Button
            onClick={() => {
              drop(id);
              action.act();
            }}
          >
            {action.text}
          </Button>
        ),
      }))}
    />
  );
  const value = useMemo(() => ({ add, shown }), [add, items, t]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useNotices() {
  const found = useContext(Context);
  if (!found) throw new Error("outside of Notices");
  return found;
}

// Codes of the console's own server, which speak no language of the reader.
const OWN: Record<string, Key> = {
  Unreachable: "error.unreachable",
  SessionEnded: "error.sessionEnded",
  SignInFailed: "error.signInFailed",
  CodeWrong: "error.codeWrong",
  PasswordExpired: "error.passwordExpired",
  LinkInvalid: "error.linkInvalid",
  TooManyAttempts: "error.tooManyAttempts",
  PasswordPolicyViolation: "error.passwordPolicy",
};

export function sentence(error: unknown, { t }: Pick<Words, "t">): string {
  if (!(error instanceof Failure)) return String(error);
  const own = OWN[error.code];
  return own ? t(own, { seconds: String(error.fields.seconds ?? "") }) : `${error.code}: ${error.message}`;
}

const DENIED = new Set(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"]);

export function Trouble({ error }: { error: unknown }) {
  const words = useWords();
  if (!error) return null;
  const why = error instanceof Failure && DENIED.has(error.code) && error.requestId;
  return (
    <Alert
      type="error"
      header={words.t("error.title")}
      action={why && <Button href={to("activity", why)}>{words.t("why")}</Button>}
    >
      {sentence(error, words)}
    </Alert>
  );
}
