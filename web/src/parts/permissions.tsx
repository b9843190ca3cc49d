// What a user, group or role may, policy by policy: attach, detach, write, delete.
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Modal from "@cloudscape-design/components/modal";
import Multiselect, { type MultiselectProps } from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../api";
import { type Held, held, inlineDocument, isAws, LIST, named, ownFirst, policies, START, WORD } from "../entities";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import { to } from "../route";
import type { Kind } from "../types";
import { Broken } from "./broken";
import { Confirm } from "./confirm";
import { Document } from "./document";
import { Waiting } from "./heard";
import { List } from "./list";

function Attach({ kind, name, taken, onDone, onDismiss }: { kind: Kind; name: string; taken: Set<string>; onDone: () => void; onDismiss: () => void }) {
  const { t } = useWords();
  const [chosen, setChosen] = useState<readonly MultiselectProps.Option[]>([]);
  const loaded = useLoaded(() => policies("All"), []);
  const options = ownFirst(loaded.value ?? [])
    .filter((one) => !taken.has(one.Arn))
    .map((one) => ({ value: one.Arn, label: one.PolicyName, description: t(isAws(one.Arn) ? "kind.aws" : "kind.managed") }));
  const act = async () => {
    for (const { value } of chosen) await call("iam", `Attach${WORD[kind]}Policy`, { ...named(kind, name), PolicyArn: value });
  };
  return (
    <Confirm title={t("attach")} text={t("attach")} act={act} disabled={!chosen.length} onDone={onDone} onDismiss={onDismiss}>
      <Trouble error={loaded.error} again={loaded.reload} />
      <FormField label={t("policies")}>
        <Multiselect
          selectedOptions={chosen}
          options={options}
          filteringType="auto"
          virtualScroll
          placeholder={t("choose")}
          statusType={loaded.loading ? "loading" : "finished"}
          onChange={({ detail }) => setChosen(detail.selectedOptions)}
        />
      </FormField>
    </Confirm>
  );
}

/** An inline policy, read and written; without a name it is a new one. */
function Inline({ kind, holder, name, editable, onChanged, onDismiss }: { kind: Kind; holder: string; name?: string; editable: boolean; onChanged: () => void; onDismiss: () => void }) {
  const { t, say } = useWords();
  const { add } = useNotices();
  const [given, setGiven] = useState("");
  const loaded = useLoaded(async () => (name ? await inlineDocument(kind, holder, name) : START), [kind, holder, name]);
  const save = async (text: string) => {
    await call("iam", `Put${WORD[kind]}Policy`, { ...named(kind, holder), PolicyName: name ?? given.trim(), PolicyDocument: text });
    add({ type: "success", content: say("saved", { name: name ?? given.trim() }) });
    onChanged();
    if (name) loaded.reload();
    else onDismiss();
  };
  return (
    <Modal visible size="large" header={name ? <Broken of={name} /> : t("inline.create")} closeAriaLabel={t("close")} onDismiss={onDismiss}>
      <SpaceBetween size="m">
        <Trouble error={loaded.error} again={loaded.reload} />
        {!name && (
          <FormField label={t("name")}>
            <Input value={given} onChange={({ detail }) => setGiven(detail.value)} ariaRequired />
          </FormField>
        )}
        {loaded.value ? (
          <Document
            key={loaded.value}
            text={loaded.value}
            editing={!name}
            save={editable ? save : undefined}
            onCancel={name ? undefined : onDismiss}
          />
        ) : (
          loaded.loading && <Waiting />
        )}
      </SpaceBetween>
    </Modal>
  );
}

export function Permissions({ kind, name }: { kind: Kind; name: string }) {
  const { t, say } = useWords();
  const { add } = useNotices();
  const loaded = useLoaded(() => held(kind, name), [kind, name]);
  const [attaching, setAttaching] = useState(false);
  const [opened, setOpened] = useState<Held | "new" | undefined>(undefined);
  const [going, setGoing] = useState<Held | undefined>(undefined);
  const take = (row: Held) =>
    row.arn
      ? call("iam", `Detach${WORD[kind]}Policy`, { ...named(kind, name), PolicyArn: row.arn })
      : call("iam", `Delete${WORD[kind]}Policy`, { ...named(kind, name), PolicyName: row.name });
  return (
    <>
      <List
        title={t("permissions")}
        heading="h2"
        loaded={loaded}
        id={(row) => `${row.group ?? ""}/${row.arn ?? row.name}`}
        text={(row) => `${row.name} ${row.group ?? ""}`}
        empty={t("permissions.none")}
        actions={
          <>
            <Button onClick={() => setOpened("new")}>{t("inline.create")}</Button>
            <Button variant="primary" onClick={() => setAttaching(true)}>
              {t("attach")}
            </Button>
          </>
        }
        columns={[
          {
            id: "name",
            header: t("policy"),
            sortingField: "name",
            isRowHeader: true,
            minWidth: 160,
            cell: (row) =>
              row.arn ? (
                <Link href={to("policies", row.arn)}><Broken of={row.name} /></Link>
              ) : (
                <Link
                  href=""
                  onFollow={(event) => {
                    event.preventDefault();
                    setOpened(row);
                  }}
                >
                  <Broken of={row.name} />
                </Link>
              ),
          },
          {
            id: "kind",
            header: t("kind"),
            minWidth: 160,
            cell: (row) => <Badge>{t(row.arn ? (isAws(row.arn) ? "kind.aws" : "kind.managed") : "kind.inline")}</Badge>,
          },
          ...(kind === "user"
            ? [
                {
                  id: "through",
                  header: t("through"),
                  cell: (row: Held) => (row.group ? <Link href={to(LIST.group, row.group)}><Broken of={row.group} /></Link> : t("directly")),
                },
              ]
            : []),
          {
            id: "act",
            header: t("actionsColumn"),
            cell: (row) =>
              row.group ? (
                "-"
              ) : (
                <Button
                  variant="inline-link"
                  ariaLabel={`${t(row.arn ? "detach" : "delete")} ${row.name}`}
                  onClick={() => setGoing(row)}
                >
                  {t(row.arn ? "detach" : "delete")}
                </Button>
              ),
          },
        ]}
      />
      {attaching && (
        <Attach
          kind={kind}
          name={name}
          taken={new Set(loaded.value?.flatMap((row) => (row.arn && !row.group ? [row.arn] : [])))}
          onDismiss={() => setAttaching(false)}
          onDone={() => {
            setAttaching(false);
            loaded.reload();
          }}
        />
      )}
      {opened && (
        <Inline
          kind={opened !== "new" && opened.group ? "group" : kind}
          holder={(opened !== "new" && opened.group) || name}
          name={opened === "new" ? undefined : opened.name}
          editable
          onChanged={loaded.reload}
          onDismiss={() => setOpened(undefined)}
        />
      )}
      {going && (
        <Confirm
          title={say(going.arn ? "detach.title" : "delete.title", { name: going.name })}
          text={t(going.arn ? "detach" : "delete")}
          act={() => take(going)}
          onDismiss={() => setGoing(undefined)}
          onDone={() => {
            add({ type: "success", content: say(going.arn ? "detached" : "deleted", { name: going.name }) });
            setGoing(undefined);
            loaded.reload();
          }}
        >
          <Box>{say(going.arn ? "detach.about" : "inline.deleteAbout", { who: name })}</Box>
        </Confirm>
      )}
    </>
  );
}
