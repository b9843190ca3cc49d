// Task definitions: which containers and roles a task has; written as JSON, and run.
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Broken } from "../parts/broken";
import { Confirm } from "../parts/confirm";
import { Code, noJson } from "../parts/document";
import { Frame, Overview, useTitle } from "../parts/frame";
import { List } from "../parts/list";
import { State } from "../parts/running";
import { go, pageOf, to } from "../route";
import { definition, definitions, register, revisionOf, run } from "../workloads";

const START = JSON.stringify(
  {
    family: "greeter",
    taskRoleArn: "",
    containerDefinitions: [{ name: "app", image: "", memory: 256, command: [], environment: [] }],
  },
  null,
  2,
);
// What AWS answers and does not take.
const ANSWERED = ["taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy", "deregisteredAt"];

function Register({ text: begun, onDismiss }: { text: string; onDismiss: () => void }) {
  const words = useWords();
  const { t } = words;
  const [text, setText] = useState(begun);
  const fault = noJson(text, words);
  const act = async () => {
    const made = await register(text);
    go("definitions", revisionOf(made.taskDefinitionArn));
  };
  return (
    <Confirm title={t("definition.register")} text={t("definition.register")} size="large" act={act} disabled={fault !== ""} onDone={onDismiss} onDismiss={onDismiss}>
      <FormField label={t("definition")} description={t("definition.json")} errorText={fault || undefined} stretch>
        <div className="editor">
          <Textarea value={text} rows={18} spellcheck={false} onChange={({ detail }) => setText(detail.value)} />
        </div>
      </FormField>
    </Confirm>
  );
}

export function Definitions() {
  const { t } = useWords();
  useTitle(t("definitions"));
  const [writing, setWriting] = useState(false);
  const loaded = useLoaded(definitions, []);
  return (
    <>
      <List
        title={t("definitions")}
        description={t("definitions.about")}
        loaded={loaded}
        id={(arn) => arn}
        text={revisionOf}
        empty={t("definitions.none")}
        actions={
          <Button variant="primary" onClick={() => setWriting(true)}>
            {t("definition.register")}
          </Button>
        }
        columns={[{ id: "name", header: t("name"), isRowHeader: true, cell: (arn) => <Link href={to("definitions", revisionOf(arn))}><Broken of={revisionOf(arn)} /></Link> }]}
      />
      {writing && <Register text={START} onDismiss={() => setWriting(false)} />}
    </>
  );
}

function Run({ name, onDismiss }: { name: string; onDismiss: () => void }) {
  const { t, say } = useWords();
  const [cluster, setCluster] = useState("default");
  return (
    <Confirm
      title={say("task.run", { name })}
      text={t("run")}
      act={async () => go("tasks", await run(name, cluster.trim()))}
      disabled={!cluster.trim()}
      onDone={onDismiss}
      onDismiss={onDismiss}
    >
      <FormField label={t("cluster")}>
        <Input value={cluster} ariaRequired spellcheck={false} onChange={({ detail }) => setCluster(detail.value)} />
      </FormField>
    </Confirm>
  );
}

function RoleOf({ arn }: { arn?: string }) {
  const page = pageOf(arn ?? "");
  return page ? <Link href={page}><Broken of={revisionOf(arn ?? "")} /></Link> : <>-</>;
}

export function DefinitionPage({ name }: { name: string }) {
  const { t } = useWords();
  const [open, setOpen] = useState<"run" | "register" | undefined>(undefined);
  const loaded = useLoaded(() => definition(name), [name]);
  const found = loaded.value;
  const text = JSON.stringify(found && Object.fromEntries(Object.entries(found).filter(([key]) => !ANSWERED.includes(key))), null, 2);
  return (
    <Frame
      trail={[
        [t("definitions"), "definitions"],
        [name, "definitions", name],
      ]}
      title={name}
      loaded={loaded}
      actions={
        found && (
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setOpen("register")}>{t("definition.revise")}</Button>
            <Button variant="primary" onClick={() => setOpen("run")}>
              {t("run")}
            </Button>
          </SpaceBetween>
        )
      }
      dialogs={
        <>
          {open === "run" && <Run name={name} onDismiss={() => setOpen(undefined)} />}
          {open === "register" && <Register text={text} onDismiss={() => setOpen(undefined)} />}
        </>
      }
    >
      {(of) => (
        <SpaceBetween size="l">
          <Overview
            items={[
              { label: t("state"), value: <State of={of.status} /> },
              { label: t("definition.taskRole"), value: <RoleOf arn={of.taskRoleArn} /> },
              { label: t("definition.executionRole"), value: <RoleOf arn={of.executionRoleArn} /> },
            ]}
          />
          <Container header={<Header variant="h2">{t("definition")}</Header>}>
            <Code text={text} label={t("definition")} />
          </Container>
        </SpaceBetween>
      )}
    </Frame>
  );
}
