// One task: its role and credentials, its containers, what they write; it can be stopped.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import { useWords } from "../i18n";
import { useEvery, useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import { Broken } from "../parts/broken";
import { Confirm } from "../parts/confirm";
import { Code } from "../parts/document";
import { Frame, Overview } from "../parts/frame";
import { EVERY, Keys, Moment, Problems, RoleLink, State } from "../parts/running";
import { to } from "../route";
import { type Log, logs, one, stop, type Workload } from "../workloads";
import { Said } from "../parts/said";

const STARTING = new Set(["PROVISIONING", "PENDING", "ACTIVATING"]);
const KEPT = 5000; // lines of one container that the page keeps

/** What came later, after what was there. */
function grown(before: Log[], found: Log[]): Log[] {
  const names = [...new Set([...before, ...found].map((each) => each.Container))];
  return names.map((name) => {
    const [old, fresh] = [before, found].map((all) => all.find((each) => each.Container === name));
    const text = `${old?.Text ?? ""}${fresh?.Text ?? ""}`;
    return { Container: name, Text: text.split("\n").slice(-KEPT).join("\n"), Last: fresh?.Last ?? old?.Last };
  });
}

/** `begun`: there may be something to read. */
function Logs({ task, begun }: { task: string; begun: boolean }) {
  const { t } = useWords();
  const [shown, setShown] = useState<Log[]>([]);
  const [error, setError] = useState<unknown>(undefined);
  const read = async () => {
    try {
      const { Logs: found = [] } = await logs(task, shown.filter((each) => each.Last));
      if (found.some((each) => each.Text)) setShown((before) => grown(before, found));
      setError(undefined);
    } catch (failed) {
      setError(failed);
    }
  };
  useEvery(shown.length ? EVERY : 500, read, [task, shown], begun);
  return (
    <Container header={<Header variant="h2" description={t("logs.about")}>{t("logs")}</Header>}>
      <SpaceBetween size="m">
        <Trouble error={error} />
        {!error && !shown.length && <Box>{t("logs.none")}</Box>}
        {shown.map((each) => (
          <SpaceBetween key={each.Container} size="xs">
            <Box variant="h3"><Broken of={each.Container} /></Box>
            <div className="logs">
              <Code text={each.Text.replace(/\n$/, "")} label={t("logs.of", { name: each.Container })} />
            </div>
          </SpaceBetween>
        ))}
      </SpaceBetween>
    </Container>
  );
}

function Containers({ of }: { of: Workload }) {
  const { t } = useWords();
  return (
    <Table
      header={
        <Box variant="h2" padding={{ bottom: "xs" }}>
          {t("containers")}
        </Box>
      }
      ariaLabels={{ tableLabel: t("containers") }}
      items={of.Containers ?? []}
      trackBy="Name"
      wrapLines
      columnDefinitions={[
        { id: "name", header: t("name"), isRowHeader: true, cell: (each) => <Broken of={each.Name} /> },
        { id: "state", header: t("state"), minWidth: 120, cell: (each) => <State of={each.State} /> },
        { id: "image", header: t("image"), minWidth: 140, cell: (each) => <Broken of={each.Image} /> },
        { id: "exit", header: t("exitCode"), cell: (each) => <>{each.ExitCode ?? "-"}{each.Reason && <>: <Said text={each.Reason} /></>}</> },
      ]}
    />
  );
}

export function TaskPage({ id }: { id: string }) {
  const { t, say } = useWords();
  const { add } = useNotices();
  const [stopping, setStopping] = useState(false);
  const loaded = useLoaded(() => one(id), [id], EVERY);
  const found = loaded.value;
  const name = found?.TaskDefinition ?? id;
  return (
    <Frame
      trail={[
        [t("clusters"), "clusters"],
        ...(found?.Cluster ? [[found.Cluster, "clusters", found.Cluster] as [string, ...string[]]] : []),
        [id.slice(0, 12), "tasks", id],
      ]}
      title={name}
      loaded={loaded}
      actions={found && found.State !== "STOPPED" && <Button onClick={() => setStopping(true)}>{t("task.stop")}</Button>}
      dialogs={
        found &&
        stopping && (
          <Confirm
            title={t("task.stop")}
            text={t("task.stop")}
            act={() => stop(found)}
            onDismiss={() => setStopping(false)}
            onDone={() => {
              setStopping(false);
              add({ type: "success", content: say("task.stopped", { name }) });
              loaded.reload();
            }}
          >
            <Box>{t("task.stopAbout")}</Box>
          </Confirm>
        )
      }
    >
      {(of) => (
        <SpaceBetween size="l">
          <Problems of={of} />
          {of.StoppedReason && (
            <Alert type="info">
              <Said text={of.StoppedReason} />
            </Alert>
          )}
          <Overview
            items={[
              { label: t("state"), value: <State of={of.State} /> },
              { label: t("role"), value: <RoleLink role={of.Role} /> },
              { label: t("role.lastUsed"), value: <Moment at={of.Role?.LastUsed} /> },
              { label: t("definition"), value: <Link href={to("definitions", of.TaskDefinition ?? "")}><Broken of={of.TaskDefinition ?? ""} /></Link> },
              { label: t("address"), value: <Broken of={of.PrivateIpAddress ?? "-"} /> },
              { label: t("task"), value: <Broken of={of.Id} /> },
            ]}
          />
          <Keys of={of} />
          <Containers of={of} />
          <Logs task={id} begun={!STARTING.has(of.State)} />
        </SpaceBetween>
      )}
    </Frame>
  );
}
