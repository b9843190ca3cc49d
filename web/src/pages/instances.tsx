// Instances and processes: what runs, with which role; a container that already runs becomes an instance.
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../api";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Broken } from "../parts/broken";
import { Confirm } from "../parts/confirm";
import { useTitle } from "../parts/frame";
import { List } from "../parts/list";
import { EVERY, Moment, newest, RoleLink, State } from "../parts/running";
import { go, to } from "../route";
import { running, type Workload } from "../workloads";
import { ChooseProfile } from "./instance";
import { Said } from "../parts/said";

function Adopt({ onDismiss }: { onDismiss: () => void }) {
  const { t } = useWords();
  const [container, setContainer] = useState("");
  const [profile, setProfile] = useState("");
  const act = async () => {
    const { Workload: made } = await call<{ Workload: Workload }>("kansatsu", "RegisterInstance", {
      Container: container.trim(),
      ...(profile ? { InstanceProfile: profile } : {}),
    });
    go("instances", made.Id);
  };
  return (
    <Confirm title={t("adopt")} text={t("adopt")} act={act} disabled={!container.trim()} onDone={onDismiss} onDismiss={onDismiss}>
      <FormField label={t("adopt.container")} description={t("adopt.about")}>
        <Input value={container} ariaRequired spellcheck={false} onChange={({ detail }) => setContainer(detail.value)} />
      </FormField>
      <ChooseProfile value={profile} onChange={setProfile} optional />
    </Confirm>
  );
}

export function Instances() {
  const { t, say } = useWords();
  useTitle(t("instances"));
  const [adopting, setAdopting] = useState(false);
  const loaded = useLoaded(() => running(), [], EVERY);
  const rows = loaded.value?.Workloads.filter((each) => each.Kind !== "task");
  return (
    <SpaceBetween size="m">
      {(loaded.value?.Refused ?? []).map((each) => (
        <Alert key={each.Container} type="warning" header={say("adopt.refused", { container: each.Container })}>
          <Said text={each.Reason} />
        </Alert>
      ))}
      <List
        title={t("instances")}
        description={t("instances.about")}
        loaded={{ ...loaded, value: rows }}
        id={(each) => each.Id}
        text={(each) => `${each.Id} ${each.Name} ${each.Role?.Name ?? ""} ${each.State}`}
        empty={t("instances.none")}
        actions={
          <Button variant="primary" onClick={() => setAdopting(true)}>
            {t("adopt")}
          </Button>
        }
        columns={[
          { id: "name", header: t("name"), sortingField: "Name", isRowHeader: true, minWidth: 140, cell: (each) => <Link href={to("instances", each.Id)}><Broken of={each.Name || each.Id} /></Link> },
          { id: "state", header: t("state"), sortingField: "State", minWidth: 120, cell: (each) => <State of={each.State} /> },
          { id: "role", header: t("role"), minWidth: 110, cell: (each) => <RoleLink role={each.Role} /> },
          { id: "issued", header: t("credentials.issued"), cell: (each) => <Moment at={newest(each)?.Issued} /> },
          { id: "expires", header: t("credentials.expires"), cell: (each) => <Moment at={newest(each)?.Expiration} /> },
          { id: "used", header: t("credentials.used"), cell: (each) => <Moment at={newest(each)?.LastUsed} by={newest(each)?.LastUsedService} /> },
          { id: "id", header: t("instance.id"), minWidth: 155, cell: (each) => <Broken of={each.Id} /> },
        ]}
      />
      {adopting && <Adopt onDismiss={() => setAdopting(false)} />}
    </SpaceBetween>
  );
}
