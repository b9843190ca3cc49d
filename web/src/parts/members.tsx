// The groups of a user, or the users of a group: put in, taken out.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Link from "@cloudscape-design/components/link";
import Multiselect, { type MultiselectProps } from "@cloudscape-design/components/multiselect";
import { useState } from "react";
import { all, call } from "../api";
import { groupsOf, list, LIST, nameOf } from "../entities";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble } from "../notices";
import { to } from "../route";
import type { Entity } from "../types";
import { Broken } from "./broken";
import { Confirm } from "./confirm";
import { List } from "./list";

interface Props {
  kind: "user" | "group";
  name: string;
}

const pair = ({ kind, name }: Props, other: string) => (kind === "user" ? { UserName: name, GroupName: other } : { UserName: other, GroupName: name });

function Join({ of, taken, onDismiss, onDone }: { of: Props; taken: Set<string>; onDismiss: () => void; onDone: () => void }) {
  const { t } = useWords();
  const other = of.kind === "user" ? "group" : "user";
  const [chosen, setChosen] = useState<readonly MultiselectProps.Option[]>([]);
  const loaded = useLoaded(() => list(other), [other]);
  const names = (loaded.value ?? []).map((one) => nameOf(other, one)).filter((one) => !taken.has(one));
  const act = async () => {
    for (const { value = "" } of chosen) await call("iam", "AddUserToGroup", pair(of, value));
  };
  const text = t(of.kind === "user" ? "members.join" : "members.add");
  return (
    <Confirm title={text} text={text} act={act} disabled={!chosen.length} onDone={onDone} onDismiss={onDismiss}>
      <Trouble error={loaded.error} again={loaded.reload} />
      <FormField label={t(LIST[other])}>
        <Multiselect
          selectedOptions={chosen}
          options={names.map((value) => ({ value, label: value }))}
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

export function Members(of: Props) {
  const { kind, name } = of;
  const { t, say, when } = useWords();
  const other = kind === "user" ? "group" : "user";
  const [joining, setJoining] = useState(false);
  const [going, setGoing] = useState("");
  const loaded = useLoaded(
    () => (kind === "user" ? groupsOf(name) : all<Entity>("GetGroup", "Users", { GroupName: name })),
    [kind, name],
  );
  const over = () => {
    setJoining(false);
    setGoing("");
  };
  const done = () => {
    over();
    loaded.reload();
  };
  return (
    <>
      <List
        title={t(LIST[other])}
        heading="h2"
        loaded={loaded}
        id={(item) => item.Arn}
        text={(item) => nameOf(other, item)}
        empty={t(kind === "user" ? "groups.ofNone" : "users.inNone")}
        actions={
          <Button variant="primary" onClick={() => setJoining(true)}>
            {t(kind === "user" ? "members.join" : "members.add")}
          </Button>
        }
        columns={[
          {
            id: "name",
            header: t("name"),
            isRowHeader: true,
            sortingField: other === "user" ? "UserName" : "GroupName",
            cell: (item) => <Link href={to(LIST[other], nameOf(other, item))}><Broken of={nameOf(other, item)} /></Link>,
          },
          { id: "created", header: t("created"), sortingField: "CreateDate", cell: (item) => when(item.CreateDate) },
          {
            id: "act",
            header: t("actionsColumn"),
            cell: (item) => (
              <Button variant="inline-link" ariaLabel={`${t("remove")} ${nameOf(other, item)}`} onClick={() => setGoing(nameOf(other, item))}>
                {t("remove")}
              </Button>
            ),
          },
        ]}
      />
      {joining && <Join of={of} taken={new Set(loaded.value?.map((item) => nameOf(other, item)))} onDismiss={over} onDone={done} />}
      {going && (
        <Confirm title={say("members.remove", { name: going })} text={t("remove")} act={() => call("iam", "RemoveUserFromGroup", pair(of, going))} onDismiss={over} onDone={done}>
          <Box>{t("members.removeAbout")}</Box>
        </Confirm>
      )}
    </>
  );
}
