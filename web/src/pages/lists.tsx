// The lists of IAM: users, groups, roles and policies.
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import Badge from "@cloudscape-design/components/badge";
import { useState } from "react";
import { isAws, list, LIST, nameOf, policies } from "../entities";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Broken } from "../parts/broken";
import { Create } from "../parts/create";
import { useTitle } from "../parts/frame";
import { Clamped, List } from "../parts/list";
import { to } from "../route";
import type { Entity, Kind, Policy } from "../types";

/** Whom a role trusts, short: services, accounts and users, as its document names them. */
function trusted(role: Entity): string {
  try {
    const document = JSON.parse(decodeURIComponent(role.AssumeRolePolicyDocument ?? "")) as {
      Statement: { Principal?: string | Record<string, string | string[]> }[] | { Principal?: string | Record<string, string | string[]> };
    };
    const found = [document.Statement].flat().flatMap(({ Principal: who }) =>
      typeof who === "string" ? [who] : Object.values(who ?? {}).flat(),
    );
    return [...new Set(found)].join(", ");
  } catch {
    return "";
  }
}

export function PrincipalList({ kind, account }: { kind: Kind; account: string }) {
  const { t, when } = useWords();
  const title = t(LIST[kind]);
  useTitle(title);
  const loaded = useLoaded<Entity[]>((part) => list(kind, part), [kind]);
  const [creating, setCreating] = useState(false);
  return (
    <>
    <List
      actions={
        <Button variant="primary" onClick={() => setCreating(true)}>
          {t(`create.${kind}`)}
        </Button>
      }
      title={title}
      description={t(`${LIST[kind]}.about`)}
      loaded={loaded}
      id={(item) => item.Arn}
      text={(item) => `${nameOf(kind, item)} ${item.Path} ${kind === "role" ? trusted(item) : ""}`}
      empty={t(`${LIST[kind]}.none`)}
      columns={[
        {
          id: "name",
          header: t("name"),
          sortingField: `${kind === "user" ? "User" : kind === "group" ? "Group" : "Role"}Name`,
          isRowHeader: true,
          cell: (item) => <Link href={to(LIST[kind], nameOf(kind, item))}><Broken of={nameOf(kind, item)} /></Link>,
        },
        ...(kind === "role" ? [{ id: "trust", header: t("trusted"), cell: (item: Entity) => <Broken of={trusted(item)} />, minWidth: 160 }] : []),
        { id: "path", header: t("path"), sortingField: "Path", cell: (item: Entity) => <Clamped of={item.Path} /> },
        { id: "created", header: t("created"), sortingField: "CreateDate", cell: (item: Entity) => when(item.CreateDate) },
      ]}
    />
    {creating && <Create kind={kind} account={account} onDismiss={() => setCreating(false)} />}
    </>
  );
}

export function PolicyList({ account }: { account: string }) {
  const { t, when } = useWords();
  const title = t("policies");
  useTitle(title);
  const [scope, setScope] = useState("Local");
  const [creating, setCreating] = useState(false);
  const loaded = useLoaded<Policy[]>((part) => policies(scope, part), [scope]);
  const scopes = (["Local", "AWS", "All"] as const).map((value) => ({ value, label: t(`scope.${value}`) }));
  return (
    <>
    <List
      actions={
        <Button variant="primary" onClick={() => setCreating(true)}>
          {t("create.policy")}
        </Button>
      }
      title={title}
      description={t("policies.about")}
      loaded={loaded}
      id={(item) => item.Arn}
      text={(item) => `${item.PolicyName} ${item.Path}`}
      empty={t("policies.none")}
      filter={
        <Select
          ariaLabel={t("scope")}
          selectedOption={scopes.find(({ value }) => value === scope) ?? null}
          options={scopes}
          onChange={({ detail }) => setScope(detail.selectedOption.value ?? "All")}
        />
      }
      columns={[
        {
          id: "name",
          header: t("name"),
          sortingField: "PolicyName",
          isRowHeader: true,
          minWidth: 160,
          cell: (item) => <Link href={to("policies", item.Arn)}><Broken of={item.PolicyName} /></Link>,
        },
        {
          id: "kind",
          header: t("kind"),
          minWidth: 160,
          cell: (item) => (isAws(item.Arn) ? <Badge color="blue">{t("kind.aws")}</Badge> : <Badge>{t("kind.managed")}</Badge>),
        },
        { id: "used", header: t("attachments"), sortingField: "AttachmentCount", cell: (item) => item.AttachmentCount },
        { id: "updated", header: t("updated"), sortingField: "UpdateDate", cell: (item) => when(item.UpdateDate) },
      ]}
    />
    {creating && <Create kind="policy" account={account} onDismiss={() => setCreating(false)} />}
    </>
  );
}
