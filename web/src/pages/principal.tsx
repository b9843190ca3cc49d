// A user, a group or a role: what it is, and its tabs.
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../api";
import { get, LIST, named, pretty } from "../entities";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { useNotices } from "../notices";
import { Advisor } from "../parts/advisor";
import { Broken, Prose } from "../parts/broken";
import { Document } from "../parts/document";
import { Frame, Overview } from "../parts/frame";
import { Keys } from "../parts/keys";
import { Limit, SignInTab } from "../parts/limits";
import { Members } from "../parts/members";
import { Permissions } from "../parts/permissions";
import { Removing } from "../parts/removing";
import { Tabs } from "../parts/tabs";
import { Tags } from "../parts/tags";
import { removalOf } from "../removal";
import type { Entity, Kind } from "../types";

interface Props {
  kind: Kind;
  name: string;
  tab?: string;
}

function Trust({ role, reload }: { role: Entity; reload: () => void }) {
  const { t, say } = useWords();
  const { add } = useNotices();
  const text = pretty(decodeURIComponent(role.AssumeRolePolicyDocument ?? ""));
  const save = async (changed: string) => {
    await call("iam", "UpdateAssumeRolePolicy", { RoleName: role.RoleName, PolicyDocument: changed });
    add({ type: "success", content: say("saved", { name: <>{t("trust")}</> }) });
    reload();
  };
  return (
    <Container header={<Header variant="h2" description={t("trust.about")}>{t("trust")}</Header>}>
      <Document key={text} text={text} save={save} type="role trust policy" />
    </Container>
  );
}

export function Copyable({ text }: { text: string }) {
  const { t } = useWords();
  return (
    <CopyToClipboard
      variant="inline"
      textToCopy={text}
      textToDisplay={<Broken of={text} />}
      copyButtonAriaLabel={t("copyArn")}
      copySuccessText={t("copied")}
      copyErrorText={t("notCopied")}
    />
  );
}

export function PrincipalPage({ kind, name, tab }: Props) {
  const words = useWords();
  const { t, when } = words;
  const loaded = useLoaded(() => get(kind, name), [kind, name]);
  const [deleting, setDeleting] = useState(false);
  const list = LIST[kind];
  return (
    <Frame
      trail={[
        [t(list), list],
        [name, list, name],
      ]}
      title={name}
      loaded={loaded}
      actions={loaded.value && <Button onClick={() => setDeleting(true)}>{t("delete")}</Button>}
      dialogs={
        deleting && (
          <Removing name={name} about={t("delete.about")} removal={removalOf(kind, name, words)} list={list} onDismiss={() => setDeleting(false)} />
        )
      }
    >
      {(entity) => (
        <SpaceBetween size="l">
          <Overview
            items={[
              { label: "ARN", value: <Copyable text={entity.Arn} /> },
              { label: t("created"), value: when(entity.CreateDate) },
              ...(kind === "group"
                ? []
                : [
                    {
                      label: t("boundary"),
                      value: <Limit kind={kind} name={name} boundary={entity.PermissionsBoundary?.PermissionsBoundaryArn} onChanged={loaded.reload} />,
                    },
                  ]),
              ...(entity.Description ? [{ label: t("description"), value: <Prose of={entity.Description} /> }] : []),
            ]}
          />
          <Tabs
            at={[list, name]}
            tab={tab}
            tabs={[
              { id: "permissions", label: t("permissions"), content: <Permissions kind={kind} name={name} /> },
              ...(kind === "role" ? [{ id: "trust", label: t("trust"), content: <Trust role={entity} reload={loaded.reload} /> }] : []),
              ...(kind === "user" ? [{ id: "groups", label: t("groups"), content: <Members kind="user" name={name} /> }] : []),
              ...(kind === "group" ? [{ id: "users", label: t("users"), content: <Members kind="group" name={name} /> }] : []),
              ...(kind === "user" ? [{ id: "keys", label: t("keys"), content: <Keys user={name} /> }] : []),
              ...(kind === "user" ? [{ id: "sign-in", label: t("console"), content: <SignInTab user={name} /> }] : []),
              ...(kind === "group"
                ? []
                : [
                    {
                      id: "tags",
                      label: t("tags"),
                      content: (
                        <Tags
                          key={JSON.stringify(entity.Tags)}
                          word={kind === "user" ? "User" : "Role"}
                          of={named(kind, name)}
                          tags={entity.Tags ?? []}
                          onChanged={loaded.reload}
                        />
                      ),
                    },
                  ]),
              { id: "advisor", label: t("advisor"), content: <Advisor arn={entity.Arn} kind={kind} name={name} /> },
            ]}
          />
        </SpaceBetween>
      )}
    </Frame>
  );
}
