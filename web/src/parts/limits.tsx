// The permissions boundary of a user or role; and how a user signs in to the console: a password, and devices.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../api";
import { named, ownFirst, policies, WORD } from "../entities";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import { devicesOf, passwordOf, removeDevice } from "../removal";
import { to } from "../route";
import type { Kind } from "../types";
import { Broken } from "./broken";
import { Confirm } from "./confirm";
import { List } from "./list";

interface LimitProps {
  kind: Kind;
  name: string;
  boundary?: string;
  onChanged: () => void;
}

export function Limit({ boundary, ...of }: LimitProps) {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {boundary ? <Link href={to("policies", boundary)}><Broken of={boundary.split("/").pop() ?? boundary} /></Link> : "-"}
      <Button variant="inline-link" ariaLabel={`${t("edit")} ${t("boundary")}`} onClick={() => setOpen(true)}>
        {t("edit")}
      </Button>
      {open && <Bound {...of} boundary={boundary} onDismiss={() => setOpen(false)} />}
    </SpaceBetween>
  );
}

function Bound({ kind, name, boundary = "", onChanged, onDismiss }: LimitProps & { onDismiss: () => void }) {
  const { t } = useWords();
  const [arn, setArn] = useState(boundary);
  const loaded = useLoaded(() => policies("All"), []);
  const options = [{ value: "", label: t("boundary.none") }, ...ownFirst(loaded.value ?? []).map((one) => ({ value: one.Arn, label: one.PolicyName }))];
  const act = () =>
    arn
      ? call("iam", `Put${WORD[kind]}PermissionsBoundary`, { ...named(kind, name), PermissionsBoundary: arn })
      : call("iam", `Delete${WORD[kind]}PermissionsBoundary`, named(kind, name));
  return (
    <Confirm
      title={t("boundary")}
      text={t("save")}
      act={act}
      disabled={arn === boundary}
      onDismiss={onDismiss}
      onDone={() => {
        onDismiss();
        onChanged();
      }}
    >
      <Trouble error={loaded.error} again={loaded.reload} />
      <FormField label={t("boundary")} description={t("boundary.about")}>
        <Select
          selectedOption={options.find((one) => one.value === arn) ?? null}
          options={options}
          filteringType="auto"
          virtualScroll
          statusType={loaded.loading ? "loading" : "finished"}
          onChange={({ detail }) => setArn(detail.selectedOption.value ?? "")}
        />
      </FormField>
    </Confirm>
  );
}

function Password({ user, has, onDismiss, onDone }: { user: string; has: boolean; onDismiss: () => void; onDone: () => void }) {
  const { t } = useWords();
  const [password, setPassword] = useState("");
  const [reset, setReset] = useState(true);
  const act = () =>
    call("iam", has ? "UpdateLoginProfile" : "CreateLoginProfile", { UserName: user, Password: password, PasswordResetRequired: reset });
  return (
    <Confirm title={t("password.set")} text={t("save")} act={act} disabled={!password} onDismiss={onDismiss} onDone={onDone}>
      <FormField label={t("signIn.newPassword")}>
        <Input type="password" value={password} autoComplete="new-password" ariaRequired onChange={({ detail }) => setPassword(detail.value)} />
      </FormField>
      <Checkbox checked={reset} onChange={({ detail }) => setReset(detail.checked)}>
        {t("password.reset")}
      </Checkbox>
    </Confirm>
  );
}

interface Made {
  SerialNumber: string;
  Base32StringSeed: string;
  QRCodePNG: string;
}

/** A virtual device is made first, and then proves itself by two codes. */
function NewDevice({ user, onDismiss, onDone }: { user: string; onDismiss: () => void; onDone: () => void }) {
  const { t } = useWords();
  const [name, setName] = useState(user);
  const [made, setMade] = useState<Made | undefined>(undefined);
  const [codes, setCodes] = useState(["", ""] as [string, string]);
  const create = async () =>
    setMade((await call<{ VirtualMFADevice: Made }>("iam", "CreateVirtualMFADevice", { VirtualMFADeviceName: name.trim() })).VirtualMFADevice);
  const enable = () =>
    call("iam", "EnableMFADevice", {
      UserName: user,
      SerialNumber: made?.SerialNumber,
      AuthenticationCode1: codes[0],
      AuthenticationCode2: codes[1],
    });
  const leave = () => {
    // One that nobody has proven is of no use.
    if (made) void call("iam", "DeleteVirtualMFADevice", { SerialNumber: made.SerialNumber }).catch(() => undefined);
    onDismiss();
  };
  if (!made) {
    return (
      <Confirm key="make" title={t("mfa.add")} text={t("next")} act={create} disabled={!name.trim()} onDismiss={leave} onDone={() => undefined}>
        <FormField label={t("mfa.name")}>
          <Input value={name} ariaRequired spellcheck={false} onChange={({ detail }) => setName(detail.value)} />
        </FormField>
      </Confirm>
    );
  }
  return (
    <Confirm key="prove" title={t("mfa.add")} text={t("mfa.enable")} act={enable} disabled={codes.some((code) => !/^\d{6}$/.test(code))} onDismiss={leave} onDone={onDone}>
      <Box>{t("mfa.scan")}</Box>
      <img src={`data:image/png;base64,${made.QRCodePNG}`} alt={t("mfa.qr")} width={180} height={180} />
      <FormField label={t("mfa.seed")}>
        <Input readOnly value={atob(made.Base32StringSeed)} />
      </FormField>
      {([0, 1] as const).map((at) => (
        <FormField key={at} label={t("mfa.code", { n: at + 1 })}>
          <Input
            value={codes[at]}
            inputMode="numeric"
            ariaRequired
            onChange={({ detail }) => setCodes((all) => (at ? [all[0], detail.value] : [detail.value, all[1]]))}
          />
        </FormField>
      ))}
    </Confirm>
  );
}

type Open = { what: "password" | "device" | "noPassword" } | { what: "gone"; serial: string };

export function SignInTab({ user }: { user: string }) {
  const { t, say, when } = useWords();
  const { add } = useNotices();
  const [open, setOpen] = useState<Open | undefined>(undefined);
  const password = useLoaded(() => passwordOf(user), [user]);
  const devices = useLoaded(() => devicesOf(user), [user]);
  const over = () => setOpen(undefined);
  const done = () => {
    over();
    add({ type: "success", content: say("saved", { name: user }) });
    password.reload();
    devices.reload();
  };
  const has = password.value !== undefined;
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header
            variant="h2"
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                {has && <Button onClick={() => setOpen({ what: "noPassword" })}>{t("password.delete")}</Button>}
                <Button onClick={() => setOpen({ what: "password" })}>{t("password.set")}</Button>
              </SpaceBetween>
            }
          >
            {t("signIn.password")}
          </Header>
        }
      >
        <Trouble error={password.error} again={password.reload} />
        {!password.loading && (has ? say("password.since", { when: when(password.value?.CreateDate) }) : t("password.none"))}
      </Container>
      <List
        title={t("mfa")}
        heading="h2"
        loaded={devices}
        id={(one) => one.SerialNumber}
        text={(one) => one.SerialNumber}
        empty={t("mfa.none")}
        actions={<Button onClick={() => setOpen({ what: "device" })}>{t("mfa.add")}</Button>}
        columns={[
          { id: "serial", header: t("mfa.serial"), isRowHeader: true, cell: (one) => <Broken of={one.SerialNumber} /> },
          { id: "since", header: t("created"), cell: (one) => when(one.EnableDate) },
          {
            id: "act",
            header: t("actionsColumn"),
            cell: (one) => (
              <Button variant="inline-link" ariaLabel={`${t("remove")} ${one.SerialNumber}`} onClick={() => setOpen({ what: "gone", serial: one.SerialNumber })}>
                {t("remove")}
              </Button>
            ),
          },
        ]}
      />
      {open?.what === "password" && <Password user={user} has={has} onDismiss={over} onDone={done} />}
      {open?.what === "device" && <NewDevice user={user} onDismiss={over} onDone={done} />}
      {open?.what === "noPassword" && (
        <Confirm title={t("password.delete")} text={t("delete")} act={() => call("iam", "DeleteLoginProfile", { UserName: user })} onDismiss={over} onDone={done}>
          <Box>{say("password.deleteAbout", { name: user })}</Box>
        </Confirm>
      )}
      {open?.what === "gone" && (
        <Confirm title={say("delete.title", { name: open.serial })} text={t("delete")} act={() => removeDevice(user, open.serial)} onDismiss={over} onDone={done}>
          <Box>{say("mfa.deleteAbout", { name: user })}</Box>
        </Confirm>
      )}
    </SpaceBetween>
  );
}
