// Instance profiles: what gives an instance its role. Made, given another role, tagged, deleted.
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../api";
import { list } from "../entities";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import { Confirm } from "../parts/confirm";
import { List } from "../parts/list";
import { Needed } from "../parts/needed";
import { to } from "../route";
import { type Profile, profiles, running } from "../workloads";
import { useTitle } from "./lists";

function ChooseRole({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  const { t } = useWords();
  const loaded = useLoaded(() => list("role"), []);
  const options = [{ value: "", label: t("profile.noRole") }, ...(loaded.value ?? []).map((each) => ({ value: each.RoleName ?? "", label: each.RoleName ?? "" }))];
  return (
    <>
      <Trouble error={loaded.error} />
      <FormField label={t("role")}>
        <Select
          selectedOption={options.find((option) => option.value === value) ?? null}
          options={options}
          filteringType="auto"
          virtualScroll
          statusType={loaded.loading ? "loading" : "finished"}
          onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
        />
      </FormField>
    </>
  );
}

/** The role of a profile becomes another one, or none. */
async function giveRole(InstanceProfileName: string, before: string, after: string): Promise<void> {
  if (before === after) return;
  if (before) await call("iam", "RemoveRoleFromInstanceProfile", { InstanceProfileName, RoleName: before });
  if (after) await call("iam", "AddRoleToInstanceProfile", { InstanceProfileName, RoleName: after });
}

const roleOf = (of: Profile) => of.Roles[0]?.RoleName ?? "";

function Edit({ of, onDismiss, onDone }: { of?: Profile; onDismiss: () => void; onDone: () => void }) {
  const { t } = useWords();
  const [name, setName] = useState("");
  const [role, setRole] = useState(of ? roleOf(of) : "");
  const act = async () => {
    if (!of) await call("iam", "CreateInstanceProfile", { InstanceProfileName: name.trim() });
    await giveRole(of?.InstanceProfileName ?? name.trim(), of ? roleOf(of) : "", role);
  };
  const title = of ? t("profile.change", { name: of.InstanceProfileName }) : t("create.profile");
  return (
    <Confirm title={title} text={t(of ? "save" : "create")} act={act} disabled={!of && !name.trim()} onDismiss={onDismiss} onDone={onDone}>
      {!of && (
        <FormField label={t("name")}>
          <Input value={name} ariaRequired spellcheck={false} onChange={({ detail }) => setName(detail.value)} />
        </FormField>
      )}
      <ChooseRole value={role} onChange={setRole} />
    </Confirm>
  );
}

/** Whose role it is now, and what runs with it. */
async function needed(of: Profile): Promise<string[]> {
  const { Workloads } = await running();
  return Workloads.filter((each) => each.InstanceProfile?.Name === of.InstanceProfileName).map((each) => each.Name || each.Id);
}

export function Profiles() {
  const { t, when } = useWords();
  const { add } = useNotices();
  useTitle(t("profiles"));
  const [editing, setEditing] = useState<Profile | "new" | undefined>(undefined);
  const [going, setGoing] = useState<Profile | undefined>(undefined);
  const loaded = useLoaded(profiles, []);
  const remove = async (of: Profile) => {
    await giveRole(of.InstanceProfileName, roleOf(of), "");
    await call("iam", "DeleteInstanceProfile", { InstanceProfileName: of.InstanceProfileName });
  };
  return (
    <>
      <List
        title={t("profiles")}
        description={t("profiles.about")}
        loaded={loaded}
        id={(each) => each.Arn}
        text={(each) => `${each.InstanceProfileName} ${roleOf(each)}`}
        empty={t("profiles.none")}
        actions={
          <Button variant="primary" onClick={() => setEditing("new")}>
            {t("create.profile")}
          </Button>
        }
        columns={[
          { id: "name", header: t("name"), sortingField: "InstanceProfileName", isRowHeader: true, minWidth: 150, cell: (each) => each.InstanceProfileName },
          { id: "role", header: t("role"), minWidth: 130, cell: (each) => (roleOf(each) ? <Link href={to("roles", roleOf(each))}>{roleOf(each)}</Link> : "-") },
          { id: "created", header: t("created"), sortingField: "CreateDate", minWidth: 130, cell: (each) => when(each.CreateDate) },
          {
            id: "act",
            header: t("actionsColumn"),
            minWidth: 140,
            cell: (each) => (
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="inline-link" ariaLabel={`${t("edit")} ${each.InstanceProfileName}`} onClick={() => setEditing(each)}>
                  {t("edit")}
                </Button>
                <Button variant="inline-link" ariaLabel={`${t("delete")} ${each.InstanceProfileName}`} onClick={() => setGoing(each)}>
                  {t("delete")}
                </Button>
              </SpaceBetween>
            ),
          },
        ]}
      />
      {editing && (
        <Edit
          of={editing === "new" ? undefined : editing}
          onDismiss={() => setEditing(undefined)}
          onDone={() => {
            setEditing(undefined);
            loaded.reload();
          }}
        />
      )}
      {going && (
        <Confirm
          title={t("delete.title", { name: going.InstanceProfileName })}
          text={t("delete")}
          act={() => remove(going)}
          onDismiss={() => setGoing(undefined)}
          onDone={() => {
            add({ type: "success", content: t("deleted", { name: going.InstanceProfileName }) });
            setGoing(undefined);
            loaded.reload();
          }}
        >
          <Needed load={() => needed(going)} of={going.Arn} about={t("profile.deleteAbout")} />
        </Confirm>
      )}
    </>
  );
}
