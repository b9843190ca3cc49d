// One instance or process: its role, which is attached, replaced or detached while it runs, and its credentials.
import Box from "@cloudscape-design/components/box";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useState } from "react";
import { call } from "../api";
import { type Key, useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import { Confirm } from "../parts/confirm";
import { EVERY, Keys, Moment, Problems, RoleLink, State } from "../parts/running";
import { go, to } from "../route";
import { attachProfile, detachProfile, one, profiles, type Workload } from "../workloads";
import { useTitle } from "./lists";

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
      <Trouble error={loaded.error} />
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
  const { t } = useWords();
  const [profile, setProfile] = useState("");
  const acts: Record<Act, () => Promise<unknown>> = {
    attach: () => attachProfile(of, profile),
    detach: () => detachProfile(of),
    forget: () => call("kansatsu", "DeregisterInstance", { InstanceId: of.Id }),
  };
  const text = t(act === "attach" ? (of.AssociationId ? "role.replace" : "role.attach") : act === "detach" ? "role.detach" : "forget");
  return (
    <Confirm title={text} text={text} act={acts[act]} disabled={act === "attach" && !profile} onDismiss={onDismiss} onDone={onDone}>
      <Box>{t(`role.${act}About` as Key, { name: of.Name })}</Box>
      {act === "attach" && <ChooseProfile value={profile} onChange={setProfile} />}
    </Confirm>
  );
}

export function InstancePage({ id }: { id: string }) {
  const { t } = useWords();
  const { add } = useNotices();
  const [acting, setActing] = useState<Act | undefined>(undefined);
  const loaded = useLoaded(() => one(id), [id], EVERY);
  const found = loaded.value;
  const name = found?.Name || id;
  useTitle(name);
  const process = found?.Kind === "process" && !found.Arn;
  return (
    <SpaceBetween size="l">
      <BreadcrumbGroup
        ariaLabel={t("breadcrumbs")}
        items={[
          { text: t("instances"), href: to("instances") },
          { text: name, href: to("instances", id) },
        ]}
      />
      <Header
        variant="h1"
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
      >
        {name}
      </Header>
      <Trouble error={loaded.error} />
      {loaded.loading && !found && <Spinner />}
      {found && (
        <SpaceBetween size="l">
          <Problems of={found} />
          <Container header={<Header variant="h2">{t("overview")}</Header>}>
            <KeyValuePairs
              columns={3}
              items={[
                { label: t("state"), value: <State of={found.State} /> },
                { label: t("role"), value: <RoleLink role={found.Role} /> },
                { label: t("role.lastUsed"), value: <Moment at={found.Role?.LastUsed} /> },
                { label: t("profile"), value: found.InstanceProfile?.Name ?? "-" },
                { label: t("instance.id"), value: <span className="breaks">{found.Id}</span> },
                { label: t("kind"), value: t(found.Adopted ? "adopted" : "launched", { kind: found.Kind }) },
                { label: t("launchedAt"), value: <Moment at={found.Launched} /> },
                { label: t("address"), value: found.PrivateIpAddress ?? "-" },
                { label: t("image"), value: <span className="breaks">{found.ImageId ?? "-"}</span> },
              ]}
            />
          </Container>
          <Keys of={found} />
        </SpaceBetween>
      )}
      {found && acting && (
        <Acting
          of={found}
          act={acting}
          onDismiss={() => setActing(undefined)}
          onDone={() => {
            setActing(undefined);
            add({ type: "success", content: t(`role.${acting}Done` as Key, { name }) });
            if (acting === "forget") go("instances");
            else loaded.reload();
          }}
        />
      )}
    </SpaceBetween>
  );
}
