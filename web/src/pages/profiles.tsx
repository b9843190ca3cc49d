// Instance profiles: what gives an instance its role. Made, given another role, tagged, deleted; and who holds one.
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
import { Broken } from "../parts/broken";
import { Confirm } from "../parts/confirm";
import { asked, NOTHING, Optional } from "../parts/create";
import { Frame, Overview, useTitle } from "../parts/frame";
import { Clamped, List } from "../parts/list";
import { Removing } from "../parts/removing";
import { EVERY, Moment, newest, State } from "../parts/running";
import { Tabs } from "../parts/tabs";
import { Tags, whole } from "../parts/tags";
import { removalOfProfile, runsWith } from "../removal";
import { go, to } from "../route";
import { profile, type Profile, profiles } from "../workloads";
import { Copyable } from "./principal";

function ChooseRole({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  const { t } = useWords();
  const loaded = useLoaded(() => list("role"), []);
  const options = [{ value: "", label: t("profile.noRole") }, ...(loaded.value ?? []).map((each) => ({ value: each.RoleName ?? "", label: each.RoleName ?? "" }))];
  return (
    <>
      <Trouble error={loaded.error} again={loaded.reload} />
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

function RoleIn({ of }: { of: Profile }) {
  const role = roleOf(of);
  return role ? <Link href={to("roles", role)}><Broken of={role} /></Link> : <>-</>;
}

function Edit({ of, onDismiss, onDone }: { of?: Profile; onDismiss: () => void; onDone: (name: string) => void }) {
  const { t, say } = useWords();
  const [given, setGiven] = useState("");
  const [role, setRole] = useState(of ? roleOf(of) : "");
  const [more, setMore] = useState(NOTHING);
  const name = of?.InstanceProfileName ?? given.trim();
  const act = async () => {
    if (!of) await call("iam", "CreateInstanceProfile", { InstanceProfileName: name, ...asked(more) });
    await giveRole(name, of ? roleOf(of) : "", role);
  };
  return (
    <Confirm
      title={of ? say("profile.change", { name }) : t("create.profile")}
      text={t(of ? "save" : "create")}
      act={act}
      disabled={!name || !whole(more.tags)}
      onDismiss={onDismiss}
      onDone={() => onDone(name)}
    >
      {!of && (
        <FormField label={t("name")}>
          <Input value={given} ariaRequired spellcheck={false} onChange={({ detail }) => setGiven(detail.value)} />
        </FormField>
      )}
      <ChooseRole value={role} onChange={setRole} />
      {!of && <Optional value={more} onChange={setMore} />}
    </Confirm>
  );
}

export function Profiles() {
  const { t, when } = useWords();
  useTitle(t("profiles"));
  const [making, setMaking] = useState(false);
  const loaded = useLoaded(profiles, []);
  return (
    <>
      <List
        title={t("profiles")}
        description={t("profiles.about")}
        loaded={loaded}
        id={(each) => each.Arn}
        text={(each) => `${each.InstanceProfileName} ${each.Path} ${roleOf(each)}`}
        empty={t("profiles.none")}
        actions={
          <Button variant="primary" onClick={() => setMaking(true)}>
            {t("create.profile")}
          </Button>
        }
        columns={[
          {
            id: "name",
            header: t("name"),
            sortingField: "InstanceProfileName",
            isRowHeader: true,
            minWidth: 150,
            cell: (each) => <Link href={to("profiles", each.InstanceProfileName)}><Broken of={each.InstanceProfileName} /></Link>,
          },
          { id: "role", header: t("role"), minWidth: 130, cell: (each) => <RoleIn of={each} /> },
          { id: "path", header: t("path"), sortingField: "Path", cell: (each) => <Clamped of={each.Path} /> },
          { id: "created", header: t("created"), sortingField: "CreateDate", cell: (each) => when(each.CreateDate) },
        ]}
      />
      {making && <Edit onDismiss={() => setMaking(false)} onDone={(name) => go("profiles", name)} />}
    </>
  );
}

function Holders({ name }: { name: string }) {
  const { t } = useWords();
  const loaded = useLoaded(() => runsWith(name), [name], EVERY);
  return (
    <List
      title={t("instances")}
      heading="h2"
      description={t("profile.holders")}
      loaded={loaded}
      id={(each) => each.Id}
      text={(each) => `${each.Id} ${each.Name} ${each.State}`}
      empty={t("profile.noHolders")}
      columns={[
        { id: "name", header: t("name"), sortingField: "Name", isRowHeader: true, minWidth: 150, cell: (each) => <Link href={to("instances", each.Id)}><Broken of={each.Name || each.Id} /></Link> },
        { id: "state", header: t("state"), minWidth: 130, cell: (each) => <State of={each.State} /> },
        { id: "used", header: t("credentials.used"), cell: (each) => <Moment at={newest(each)?.LastUsed} by={newest(each)?.LastUsedService} /> },
      ]}
    />
  );
}

export function ProfilePage({ name, tab }: { name: string; tab?: string }) {
  const words = useWords();
  const { t, say, when } = words;
  const { add } = useNotices();
  const [open, setOpen] = useState<"edit" | "delete" | undefined>(undefined);
  const loaded = useLoaded(() => profile(name), [name]);
  const found = loaded.value;
  const over = () => setOpen(undefined);
  return (
    <Frame
      trail={[
        [t("profiles"), "profiles"],
        [name, "profiles", name],
      ]}
      title={name}
      loaded={loaded}
      actions={
        found && (
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setOpen("delete")}>{t("delete")}</Button>
            <Button onClick={() => setOpen("edit")}>{t("profile.changeRole")}</Button>
          </SpaceBetween>
        )
      }
      dialogs={
        found && (
          <>
            {open === "edit" && (
              <Edit
                of={found}
                onDismiss={over}
                onDone={() => {
                  over();
                  add({ type: "success", content: say("saved", { name }) });
                  loaded.reload();
                }}
              />
            )}
            {open === "delete" && (
              <Removing name={name} about={t("profile.deleteAbout")} removal={removalOfProfile(found, words)} list="profiles" onDismiss={over} />
            )}
          </>
        )
      }
    >
      {(of) => (
        <SpaceBetween size="l">
          <Overview
            items={[
              { label: "ARN", value: <Copyable text={of.Arn} /> },
              { label: t("role"), value: <RoleIn of={of} /> },
              { label: t("created"), value: when(of.CreateDate) },
            ]}
          />
          <Tabs
            at={["profiles", name]}
            tab={tab}
            tabs={[
              { id: "instances", label: t("instances"), content: <Holders name={name} /> },
              {
                id: "tags",
                label: t("tags"),
                content: <Tags key={JSON.stringify(of.Tags)} word="InstanceProfile" of={{ InstanceProfileName: name }} tags={of.Tags ?? []} onChanged={loaded.reload} />,
              },
            ]}
          />
        </SpaceBetween>
      )}
    </Frame>
  );
}
