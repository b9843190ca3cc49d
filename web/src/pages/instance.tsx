// One instance or process: its role, which is attached, replaced or detached while it runs, and its credentials.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Link from "@cloudscape-design/components/link";
import { useState } from "react";
import { call } from "../api";
import { type Key, useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import { Broken } from "../parts/broken";
import { Confirm } from "../parts/confirm";
import { Frame, Overview } from "../parts/frame";
import { EVERY, Keys, Moment, Problems, RoleLink, State } from "../parts/running";
import { go, to } from "../route";
import { attachProfile, detachProfile, one, profiles, type Workload } from "../workloads";

export function ChooseProfile({ value, onChange, optional }: { value: string; onChange: (name: string) => void; optional?: boolean }) {
  const { t } = useWords();
  const loaded = useLoaded(profiles, []);
  const options = (loaded.value ?? []).map((each) => ({
    value: each.InstanceProfileName,
    label: each.InstanceProfileName,
    description: each.Roles.map((role) => role.RoleName).join(", ") || t("profile.empty"),
  }));
  if (optional) options.unshift({ value: "", label: t("profile.noneChosen"), description: "" });
  return (
    <>
      <Trouble error={loaded.error} again={loaded.reload} />
      <FormField label={t("profile")} description={t("profile.hint")}>
        <Select
          selectedOption={options.find((option) => option.value === value) ?? null}
          options={options}
          filteringType="auto"
          placeholder={t("choose")}
          statusType={loaded.loading ? "loading" : "finished"}
          onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
        />
      </FormField>
    </>
  );
}

type Act = "attach" | "detach" | "forget";

function Acting({ of, act, onDismiss, onDone }: { of: Workload; act: Act; onDismiss: () => void; onDone: () => void }) {
  const { t, say } = useWords();
  const [profile, setProfile] = useState("");
  const acts: Record<Act, () => Promise<unknown>> = {
    attach: () => attachProfile(of, profile),
    detach: () => detachProfile(of),
    forget: () => call("kansatsu", "DeregisterInstance", { InstanceId: of.Id }),
  };
  const text = t(act === "attach" ? (of.AssociationId ? "role.replace" : "role.attach") : act === "detach" ? "role.detach" : "forget");
  return (
    <Confirm title={text} text={text} act={acts[act]} disabled={act === "attach" && !profile} onDismiss={onDismiss} onDone={onDone}>
      <Box>{say(`role.${act}About` as Key, { name: of.Name })}</Box>
      {act === "attach" && <ChooseProfile value={profile} onChange={setProfile} />}
    </Confirm>
  );
}

export function InstancePage({ id }: { id: string }) {
  const { t, say } = useWords();
  const { add } = useNotices();
  const [acting, setActing] = useState<Act | undefined>(undefined);
  const loaded = useLoaded(() => one(id), [id], EVERY);
  const found = loaded.value;
  const name = found?.Name || id;
  const process = found?.Kind === "process" && !found.Arn;
  return (
    <Frame
      trail={[
        [t("instances"), "instances"],
        [name, "instances", id],
      ]}
      title={name}
      loaded={loaded}
      actions={
        found &&
        !process && (
          <SpaceBetween direction="horizontal" size="xs">
            {found.Adopted && <Button onClick={() => setActing("forget")}>{t("forget")}</Button>}
            {found.AssociationId && <Button onClick={() => setActing("detach")}>{t("role.detach")}</Button>}
            <Button variant="primary" onClick={() => setActing("attach")}>
              {t(found.AssociationId ? "role.replace" : "role.attach")}
            </Button>
          </SpaceBetween>
        )
      }
      dialogs={
        found &&
        acting && (
          <Acting
            of={found}
            act={acting}
            onDismiss={() => setActing(undefined)}
            onDone={() => {
              setActing(undefined);
              if (acting === "forget") go("instances");
              else loaded.reload();
              add({ type: "success", content: say(`role.${acting}Done` as Key, { name }) });
            }}
          />
        )
      }
    >
      {(of) => (
        <SpaceBetween size="l">
          <Problems of={of} />
          <Overview
            items={[
              { label: t("state"), value: <State of={of.State} /> },
              { label: t("role"), value: <RoleLink role={of.Role} /> },
              { label: t("role.lastUsed"), value: <Moment at={of.Role?.LastUsed} /> },
              { label: t("profile"), value: of.InstanceProfile ? <Link href={to("profiles", of.InstanceProfile.Name)}><Broken of={of.InstanceProfile.Name} /></Link> : "-" },
              { label: t("instance.id"), value: <Broken of={of.Id} /> },
              { label: t("kind"), value: t((of.Adopted ? `adopted.${of.Kind}` : `launched.${of.Kind}`) as Key) },
              { label: t("launchedAt"), value: <Moment at={of.Launched} /> },
              { label: t("address"), value: <Broken of={of.PrivateIpAddress ?? "-"} /> },
              { label: t("image"), value: <Broken of={of.ImageId ?? "-"} /> },
            ]}
          />
          <Keys of={of} />
        </SpaceBetween>
      )}
    </Frame>
  );
}
