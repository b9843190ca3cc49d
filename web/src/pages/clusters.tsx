// Clusters of ECS: their services, and their tasks with role and credentials.
import Badge from "@cloudscape-design/components/badge";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Link from "@cloudscape-design/components/link";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Broken } from "../parts/broken";
import { Frame, useTitle } from "../parts/frame";
import { List } from "../parts/list";
import { EVERY, Moment, newest, RoleLink, State } from "../parts/running";
import { to } from "../route";
import { clusters, revisionOf, running, type Service, services } from "../workloads";
import { Said } from "../parts/said";
import { Tabs } from "../parts/tabs";

// Its tabs load what they show.
const HERE = { value: true, error: undefined, loading: false };

export function Clusters() {
  const { t } = useWords();
  useTitle(t("clusters"));
  const loaded = useLoaded(clusters, [], EVERY);
  return (
    <List
      title={t("clusters")}
      description={t("clusters.about")}
      loaded={loaded}
      id={(each) => each.clusterArn}
      text={(each) => each.clusterName}
      empty={t("clusters.none")}
      columns={[
        { id: "name", header: t("name"), sortingField: "clusterName", isRowHeader: true, minWidth: 140, cell: (each) => <Link href={to("clusters", each.clusterName)}><Broken of={each.clusterName} /></Link> },
        { id: "state", header: t("state"), minWidth: 140, cell: (each) => <State of={each.status} /> },
        { id: "running", header: t("tasks.running"), cell: (each) => each.runningTasksCount },
        { id: "pending", header: t("tasks.pending"), cell: (each) => each.pendingTasksCount },
        { id: "services", header: t("services.active"), cell: (each) => each.activeServicesCount },
      ]}
    />
  );
}

export function Tasks({ cluster }: { cluster?: string }) {
  const { t } = useWords();
  const loaded = useLoaded(() => running(), [cluster], EVERY);
  const rows = loaded.value?.Workloads.filter((each) => each.Kind === "task" && (!cluster || each.Cluster === cluster));
  return (
    <List
      title={t("tasks")}
      heading="h2"
      description={t("tasks.about")}
      loaded={{ ...loaded, value: rows }}
      id={(each) => each.Id}
      text={(each) => `${each.Id} ${each.TaskDefinition ?? ""} ${each.Role?.Name ?? ""} ${each.State}`}
      empty={t("tasks.none")}
      newest="launched"
      columns={[
        { id: "id", header: t("task"), isRowHeader: true, cell: (each) => <Link href={to("tasks", each.Id)}><Broken of={each.Id.slice(0, 12)} /></Link> },
        { id: "state", header: t("state"), minWidth: 120, cell: (each) => <State of={each.State} /> },
        { id: "definition", header: t("definition"), cell: (each) => <Link href={to("definitions", each.TaskDefinition ?? "")}><Broken of={each.TaskDefinition ?? ""} /></Link> },
        { id: "role", header: t("role"), cell: (each) => <RoleLink role={each.Role} /> },
        { id: "expires", header: t("credentials.expires"), cell: (each) => <Moment at={newest(each)?.Expiration} /> },
        { id: "used", header: t("credentials.used"), cell: (each) => <Moment at={newest(each)?.LastUsed} by={newest(each)?.LastUsedService} /> },
        { id: "launched", header: t("launchedAt"), sortingField: "Launched", cell: (each) => <Moment at={each.Launched} /> },
      ]}
    />
  );
}

function Events({ of }: { of: Service }) {
  const { t, when } = useWords();
  const events = (of.events ?? []).slice(0, 10);
  if (!events.length) return <>-</>;
  return (
    <ExpandableSection headerText={t("events", { n: events.length })}>
      {events.map((each) => (
        <div key={each.id}>
          {when(each.createdAt, true)}: <Said text={each.message} />
        </div>
      ))}
    </ExpandableSection>
  );
}

function Services({ cluster }: { cluster: string }) {
  const { t } = useWords();
  const loaded = useLoaded(() => services(cluster), [cluster], EVERY);
  return (
    <List
      title={t("services.of")}
      heading="h2"
      loaded={loaded}
      id={(each) => each.serviceArn}
      text={(each) => `${each.serviceName} ${each.taskDefinition}`}
      empty={t("services.none")}
      columns={[
        { id: "name", header: t("name"), sortingField: "serviceName", isRowHeader: true, minWidth: 140, cell: (each) => <Broken of={each.serviceName} /> },
        { id: "state", header: t("state"), minWidth: 140, cell: (each) => <State of={each.status} /> },
        {
          id: "definition",
          header: t("definition"),
          minWidth: 130,
          cell: (each) => <Link href={to("definitions", revisionOf(each.taskDefinition))}><Broken of={revisionOf(each.taskDefinition)} /></Link>,
        },
        { id: "count", header: t("services.count"), minWidth: 110, cell: (each) => <Badge>{`${each.runningCount} / ${each.desiredCount}`}</Badge> },
        { id: "events", header: t("services.events"), minWidth: 200, cell: (each) => <Events of={each} /> },
      ]}
    />
  );
}

export function ClusterPage({ name, tab }: { name: string; tab?: string }) {
  const { t } = useWords();
  return (
    <Frame
      trail={[
        [t("clusters"), "clusters"],
        [name, "clusters", name],
      ]}
      title={name}
      loaded={HERE}
    >
      {() => (
        <Tabs
          at={["clusters", name]}
          tab={tab}
          tabs={[
            { id: "tasks", label: t("tasks"), content: <Tasks cluster={name} /> },
            { id: "services", label: t("services.of"), content: <Services cluster={name} /> },
          ]}
        />
      )}
    </Frame>
  );
}
