// What happened, told at the top of the page; and errors, in the words of AWS with what to do about them.
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import LiveRegion from "@cloudscape-design/components/live-region";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { Failure } from "./api";
import { type Key, useWords } from "./i18n";
import { Said } from "./parts/said";
import { pageAt, to, usePage } from "./route";

interface Notice {
  type: FlashbarProps.Type;
  content: ReactNode;
  action?: { text: string; act: () => void };
}

const Context = createContext<{ add: (notice: Notice) => void; clear: () => void; shown: ReactNode } | null>(null);

export function Notices({ children }: { children: ReactNode }) {
  const [items, setItems] = useState<(Notice & { id: string; page: string })[]>([]);
  const { t } = useWords();
  const page = usePage();
  // What is told of a page ends with it; what can be undone stays until somebody decides.
  useEffect(() => setItems((all) => all.filter((item) => item.action || item.page === page)), [page]);
  const drop = useCallback((id: string) => setItems((all) => all.filter((item) => item.id !== id)), []);
  const add = useCallback((notice: Notice) => {
    const id = crypto.getRandomValues(new Uint32Array(1)).join("");
    // What went well before needs no more room, unless it can be undone.
    const here = pageAt();
    setItems((all) => [{ ...notice, id, page: here }, ...all.filter((item) => item.type !== "success" || item.action)].slice(0, 3));
  }, []);
  const clear = useCallback(() => setItems([]), []);
  const shown = (
    <Flashbar
      items={items.map(({ id, type, content, action }) => ({
        id,
        type,
        content,
        ariaRole: "status",
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
  const value = useMemo(() => ({ add, clear, shown }), [add, clear, items, t]);
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
  Unanswered: "error.unanswered",
  SessionEnded: "error.sessionEnded",
  SignInFailed: "error.signInFailed",
  CodeWrong: "error.codeWrong",
  PasswordExpired: "error.passwordExpired",
  LinkInvalid: "error.linkInvalid",
  TooManyAttempts: "error.tooManyAttempts",
  PasswordPolicyViolation: "error.passwordPolicy",
  Missing: "error.gone",
  Changed: "error.changed",
};
// What AWS's codes are about; what exactly is wrong AWS says in its own words.
const ABOUT: Record<string, Key> = {
  AccessDenied: "error.denied",
  AccessDeniedException: "error.denied",
  UnauthorizedOperation: "error.denied",
  UnauthorizedException: "error.denied",
  NoSuchEntity: "error.missing",
  ResourceNotFoundException: "error.missing",
  EntityAlreadyExists: "error.exists",
  DeleteConflict: "error.needed",
  LimitExceeded: "error.limit",
  MalformedPolicyDocument: "error.malformed",
  MalformedPolicyDocumentException: "error.malformed",
  InvalidInput: "error.invalid",
  InvalidParameterValue: "error.invalid",
  InvalidParameterException: "error.invalid",
  ValidationError: "error.invalid",
  ValidationException: "error.invalid",
  ClientException: "error.invalid",
  Throttling: "error.busy",
  ThrottlingException: "error.busy",
  ServiceUnavailable: "error.busy",
  NotImplemented: "error.notThere",
};

// Codes that only Kansatsu has; its sentences are known in each language. Those of AWS stay AWS's.
const OURS = new Set([
  ...["NotImplemented", "Throttling", "NothingOnRecord", "NothingToChange", "RequestsWouldBeRefused", "EvidenceIncomplete"],
  ...["PolicyChangedMeanwhile", "PolicyCommitRolledBack", "NoSuchCommit"],
]);

function Sentence({ error }: { error: unknown }) {
  const { t, language } = useWords();
  if (!(error instanceof Failure)) return <span lang="en">{String(error)}</span>;
  const own = OWN[error.code];
  if (own) return <span lang={language}>{t(own, { seconds: String(error.fields.seconds ?? ""), name: error.message })}</span>;
  if (!OURS.has(error.code)) return <span lang="en">{`${error.code}: ${error.message}`}</span>;
  return (
    <>
      <span lang="en">{error.code}:</span> <Said text={error.message} />
    </>
  );
}

const DENIED = new Set(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"]);

// What may go well the next time, though nothing else is asked.
const PASSING = new Set(["Unreachable", "Unanswered", "InternalFailure", "ServiceUnavailable", "Throttling", "ThrottlingException"]);

/** `again` asks once more. */
export function Trouble({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useWords();
  if (!error) return null;
  const code = error instanceof Failure ? error.code : "";
  const why = error instanceof Failure && DENIED.has(code) && error.requestId;
  return (
    <LiveRegion assertive>
      <Alert
        type="error"
        header={t(ABOUT[code] ?? "error.title")}
        action={
          (why && <Button href={to("activity", why)}>{t("why")}</Button>) ||
          (again && PASSING.has(code) && <Button onClick={again}>{t("again")}</Button>)
        }
      >
        <span className="breaks">
          <Sentence error={error} />
        </span>
      </Alert>
    </LiveRegion>
  );
}
