// A managed policy: its document and versions, whom it is attached to, and who used what it gives.
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { managedDocument, saveManaged } from "../advisor";
import { all, call } from "../api";
import { isAws, LIST, named, WORD } from "../entities";
import { type Key, useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import { Advisor } from "../parts/advisor";
import { Broken, Prose } from "../parts/broken";
import { Confirm } from "../parts/confirm";
import { Document } from "../parts/document";
import { Frame, Overview } from "../parts/frame";
import { List } from "../parts/list";
import { Removing } from "../parts/removing";
import { Tabs } from "../parts/tabs";
import { Tags } from "../parts/tags";
import { type Holder, holders, removalOfPolicy } from "../removal";
import { to } from "../route";
import type { Policy, PolicyVersion } from "../types";
import { Copyable } from "./principal";

function Entities({ arn }: { arn: string }) {
  const { t, say } = useWords();
  const { add } = useNotices();
  const [going, setGoing] = useState<Holder | undefined>(undefined);
  const loaded = useLoaded(() => holders(arn), [arn]);
  return (
    <>
      <List
        title={t("attachedTo")}
        heading="h2"
        loaded={loaded}
        id={(item) => `${item.kind}/${item.name}/${item.bound}`}
        text={(item) => item.name}
        empty={t("attachedTo.none")}
        columns={[
          {
            id: "name",
            header: t("name"),
            sortingField: "name",
            isRowHeader: true,
            cell: (item) => <Link href={to(LIST[item.kind], item.name)}><Broken of={item.name} /></Link>,
          },
          { id: "type", header: t("type"), cell: (item) => t(`type.${item.kind.toUpperCase()}` as Key) },
          { id: "as", header: t("usedAs"), cell: (item) => t(item.bound ? "boundary" : "permissions") },
          {
            id: "act",
            header: t("actionsColumn"),
            cell: (item) =>
              item.bound ? (
                "-"
              ) : (
                <Button variant="inline-link" ariaLabel={`${t("detach")} ${item.name}`} onClick={() => setGoing(item)}>
                  {t("detach")}
                </Button>
              ),
          },
        ]}
      />
      {going && (
        <Confirm
          title={say("detach.title", { name: going.name })}
          text={t("detach")}
          act={() => call("iam", `Detach${WORD[going.kind]}Policy`, { ...named(going.kind, going.name), PolicyArn: arn })}
          onDismiss={() => setGoing(undefined)}
          onDone={() => {
            add({ type: "success", content: say("detached", { name: going.name }) });
            setGoing(undefined);
            loaded.reload();
          }}
        >
          <Box>{say("detach.about", { who: going.name })}</Box>
        </Confirm>
      )}
    </>
  );
}

function Versions({ arn, onChanged }: { arn: string; onChanged: () => void }) {
  const { t, when } = useWords();
  const [error, setError] = useState<unknown>(undefined);
  const loaded = useLoaded(() => all<PolicyVersion>("ListPolicyVersions", "Versions", { PolicyArn: arn }), [arn]);
  const run = async (operation: string, version: string) => {
    setError(undefined);
    try {
      await call("iam", operation, { PolicyArn: arn, VersionId: version });
      onChanged();
    } catch (failed) {
      setError(failed);
    }
    loaded.reload();
  };
  return (
    <SpaceBetween size="m">
      <Trouble error={error} />
      <List
        title={t("versions")}
        heading="h2"
        description={t("versions.about")}
        loaded={loaded}
        id={(item) => item.VersionId}
        text={(item) => item.VersionId}
        empty=""
        columns={[
          { id: "id", header: t("version"), isRowHeader: true, cell: (item) => <Broken of={item.VersionId} /> },
          { id: "created", header: t("created"), cell: (item) => when(item.CreateDate) },
          {
            id: "default",
            header: t("status"),
            cell: (item) =>
              item.IsDefaultVersion ? (
                <StatusIndicator wrapText={false}>{t("version.default")}</StatusIndicator>
              ) : (
                <StatusIndicator wrapText={false} type="stopped">
                  {t("version.kept")}
                </StatusIndicator>
              ),
          },
          ...(isAws(arn)
            ? []
            : [
                {
                  id: "act",
                  header: t("actionsColumn"),
                  cell: (item: PolicyVersion) =>
                    item.IsDefaultVersion ? (
                      "-"
                    ) : (
                      <SpaceBetween direction="horizontal" size="xs">
                        <Button variant="inline-link" ariaLabel={`${t("version.use")} ${item.VersionId}`} onClick={() => void run("SetDefaultPolicyVersion", item.VersionId)}>
                          {t("version.use")}
                        </Button>
                        <Button variant="inline-link" ariaLabel={`${t("delete")} ${item.VersionId}`} onClick={() => void run("DeletePolicyVersion", item.VersionId)}>
                          {t("delete")}
                        </Button>
                      </SpaceBetween>
                    ),
                },
              ]),
        ]}
      />
    </SpaceBetween>
  );
}

export function PolicyPage({ arn, tab }: { arn: string; tab?: string }) {
  const words = useWords();
  const { t, say, when } = words;
  const { add } = useNotices();
  const [deleting, setDeleting] = useState(false);
  const loaded = useLoaded(async () => {
    const { Policy: policy } = await call<{ Policy: Policy }>("iam", "GetPolicy", { PolicyArn: arn });
    return { policy, text: await managedDocument(arn, policy.DefaultVersionId) };
  }, [arn]);
  const name = loaded.value?.policy.PolicyName ?? arn.split("/").pop() ?? arn;
  const aws = isAws(arn);
  const save = async (text: string) => {
    await saveManaged(arn, text);
    add({ type: "success", content: say("saved", { name }) });
    loaded.reload();
  };
  return (
    <Frame
      trail={[
        [t("policies"), "policies"],
        [name, "policies", arn],
      ]}
      title={name}
      loaded={loaded}
      info={aws ? <Badge color="blue">{t("kind.aws")}</Badge> : <Badge>{t("kind.managed")}</Badge>}
      actions={!aws && loaded.value && <Button onClick={() => setDeleting(true)}>{t("delete")}</Button>}
      dialogs={
        deleting && (
          <Removing name={name} about={t("delete.policyAbout")} removal={removalOfPolicy(arn, words)} list="policies" onDismiss={() => setDeleting(false)} />
        )
      }
    >
      {(found) => (
        <SpaceBetween size="l">
          <Overview
            items={[
              { label: "ARN", value: <Copyable text={arn} /> },
              { label: t("updated"), value: when(found.policy.UpdateDate) },
              { label: t("attachments"), value: found.policy.AttachmentCount },
              ...(found.policy.Description ? [{ label: t("description"), value: <Prose of={found.policy.Description} /> }] : []),
            ]}
          />
          <Tabs
            at={["policies", arn]}
            tab={tab}
            tabs={[
              {
                id: "document",
                label: t("permissions"),
                content: (
                  <Container header={<Header variant="h2" description={<>{t("version")} <Broken of={found.policy.DefaultVersionId} /></>}>{t("document")}</Header>}>
                    <Document key={found.text} text={found.text} save={aws ? undefined : save} />
                  </Container>
                ),
              },
              { id: "entities", label: t("attachedTo"), content: <Entities arn={arn} /> },
              { id: "versions", label: t("versions"), content: <Versions arn={arn} onChanged={loaded.reload} /> },
              ...(aws
                ? []
                : [
                    {
                      id: "tags",
                      label: t("tags"),
                      content: (
                        <Tags
                          key={JSON.stringify(found.policy.Tags)}
                          word="Policy"
                          of={{ PolicyArn: arn }}
                          tags={found.policy.Tags ?? []}
                          onChanged={loaded.reload}
                        />
                      ),
                    },
                  ]),
              { id: "advisor", label: t("advisor"), content: <Advisor arn={arn} kind="policy" name={name} /> },
            ]}
          />
        </SpaceBetween>
      )}
    </Frame>
  );
}
