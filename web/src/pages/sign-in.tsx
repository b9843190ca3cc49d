// Signing in: with a password (and a code, and a new password, where they are asked for), or with an access key.
import Button from "@cloudscape-design/components/button";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input, { type InputProps } from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { type FormEvent, useState } from "react";
import { Failure, type Session, signIn } from "../api";
import { type Key, useWords } from "../i18n";
import { Trouble } from "../notices";
import { useTitle } from "../parts/frame";
import { preferences } from "../parts/preferences";
import type { Theme } from "../theme";

const ACCOUNT = "kansatsu-console-account";

interface FormProps {
  error?: unknown;
  /** Whose session was over. */
  before?: Session;
  onDone: (session: Session) => void;
}

type Step = "password" | "code" | "change";
const EMPTY = { account: "", user: "", password: "", code: "", newPassword: "", again: "", accessKeyId: "", secretAccessKey: "" };
type Fields = typeof EMPTY;

/** The ways to sign in, and what went wrong. */
function Ways({ error: found, before, onDone }: FormProps) {
  const { t } = useWords();
  const [way, setWay] = useState("password");
  const [step, setStep] = useState<Step>("password");
  const [ticket, setTicket] = useState("");
  const [fields, setFields] = useState<Fields>({ ...EMPTY, account: before?.account ?? localStorage.getItem(ACCOUNT) ?? "", user: before?.user ?? "" });
  const [error, setError] = useState<unknown>(found);
  const [busy, setBusy] = useState(false);
  const [missing, setMissing] = useState(false);
  const wanted: (keyof Fields)[] =
    way === "key"
      ? ["accessKeyId", "secretAccessKey"]
      : step === "change"
        ? ["newPassword", "again"]
        : ["account", "user", "password", ...(step === "code" ? ["code" as const] : [])];
  const differ = step === "change" && fields.newPassword !== fields.again;

  async function submit(event: FormEvent) {
    event.preventDefault();
    setMissing(true);
    if (wanted.some((name) => !fields[name].trim()) || (way === "password" && differ)) return;
    setBusy(true);
    setError(undefined);
    try {
      const { account, user, password, code, newPassword } = fields;
      const given =
        way === "key"
          ? { accessKeyId: fields.accessKeyId.trim(), secretAccessKey: fields.secretAccessKey.trim() }
          : step === "change"
            ? { ticket, password, newPassword }
            : { account: account.trim(), user: user.trim(), password, code: code.trim() };
      const found = await signIn(given);
      if (way === "password") localStorage.setItem(ACCOUNT, account.trim());
      onDone(found);
    } catch (failed) {
      setBusy(false);
      setMissing(false);
      if (failed instanceof Failure && failed.code === "CodeRequired") return setStep("code");
      if (failed instanceof Failure && failed.code === "PasswordChangeRequired") {
        setTicket(String(failed.fields.ticket));
        return setStep("change");
      }
      if (failed instanceof Failure && failed.code === "SignInFailed") setStep("password");
      setFields((now) => ({ ...now, code: "" }));
      setError(failed);
    }
  }

  function field(name: keyof Fields, label: Key, more: Partial<InputProps> = {}, hint?: Key) {
    const empty = missing && !fields[name].trim();
    const other = name === "again" && missing && !empty && differ;
    return (
      <FormField
        label={t(label)}
        constraintText={hint && t(hint)}
        errorText={empty ? t("required") : other ? t("signIn.differ") : undefined}
      >
        <Input
          name={name}
          value={fields[name]}
          ariaRequired
          onChange={({ detail }) => setFields((now) => ({ ...now, [name]: detail.value }))}
          {...more}
        />
      </FormField>
    );
  }

  const form = (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <SpaceBetween size="l">
        {way === "key" ? (
          <>
            {field("accessKeyId", "signIn.accessKeyId", { autoComplete: "username", spellcheck: false })}
            {field("secretAccessKey", "signIn.secretAccessKey", { type: "password", autoComplete: "current-password" })}
          </>
        ) : step === "change" ? (
          <>
            <Box>{t("signIn.mustChange")}</Box>
            {field("newPassword", "signIn.newPassword", { type: "password", autoComplete: "new-password", autoFocus: true })}
            {field("again", "signIn.again", { type: "password", autoComplete: "new-password" })}
          </>
        ) : (
          <>
            {field("account", "signIn.account", { autoComplete: "organization", spellcheck: false }, "signIn.accountHint")}
            {field("user", "signIn.user", { autoComplete: "username", spellcheck: false })}
            {field("password", "signIn.password", { type: "password", autoComplete: "current-password" })}
            {step === "code" &&
              field("code", "signIn.code", { autoComplete: "one-time-code", inputMode: "numeric", autoFocus: true }, "signIn.codeHint")}
          </>
        )}
        <Button variant="primary" formAction="submit" loading={busy} fullWidth>
          {t("signIn")}
        </Button>
      </SpaceBetween>
    </form>
  );

  return (
    <>
      <Trouble error={error} />
      <Tabs
        activeTabId={way}
        onChange={({ detail }) => {
          setWay(detail.activeTabId);
          setMissing(false);
          setError(undefined);
        }}
        tabs={[
          { id: "password", label: t("signIn.byPassword"), content: way === "password" && form },
          { id: "key", label: t("signIn.byKey"), content: way === "key" && form },
        ]}
      />
    </>
  );
}

export function SignIn({ theme, ...form }: FormProps & { theme: [Theme, (theme: Theme) => void] }) {
  const words = useWords();
  const { t } = words;
  useTitle(t("signIn"));
  return (
    <>
      <div id="top">
        <TopNavigation identity={{ href: "#/", title: "Kansatsu" }} utilities={preferences(words, theme)} />
      </div>
      <main className="sign-in">
        <SpaceBetween size="l">
          <Container header={<Header variant="h1">{t("signIn")}</Header>}>
            <Ways {...form} />
          </Container>
          <Box color="text-body-secondary" fontSize="body-s">
            {t("signIn.hint")} <Box variant="code">kansatsu console</Box>
          </Box>
        </SpaceBetween>
      </main>
    </>
  );
}

/** Over the page whose session ended, which stays as it is: nothing that was typed is lost. */
export function SignInAgain({ who, onDone, onLeave }: { who: Session; onDone: (session: Session) => void; onLeave: () => void }) {
  const { t, say } = useWords();
  return (
    <Modal
      visible
      header={t("signIn")}
      closeAriaLabel={t("close")}
      // Neither Escape nor a click beside it may lose what was typed.
      onDismiss={({ detail }) => detail.reason === "closeButton" && onLeave()}
    >
      <SpaceBetween size="m">
        <Box>{say("signIn.over", { user: who.user })}</Box>
        <Ways before={who} onDone={onDone} />
      </SpaceBetween>
    </Modal>
  );
}
