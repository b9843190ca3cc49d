// A new user, group, role or policy: its name, and for a role whom it trusts, for a policy what it says.
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../api";
import { LIST, named, START, WORD } from "../entities";
import { useWords } from "../i18n";
import { go } from "../route";
import type { Kind, Tag } from "../types";
import { Confirm } from "./confirm";
import { wrong } from "./document";
import { Editor } from "./editor";
import { TagFields, trimmed, whole } from "./tags";

const SERVICES = ["ec2", "ecs-tasks", "lambda"] as const;

function trust(who: string): string {
  const principal = /^[0-9]{12}$/.test(who) ? { AWS: `arn:aws:iam::${who}:root` } : { Service: `${who}.amazonaws.com` };
  return JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: principal, Action: "sts:AssumeRole" }] });
}

interface More {
  path: string;
  description: string;
  tags: Tag[];
}

export const NOTHING: More = { path: "", description: "", tags: [] };

/** What AWS takes besides, as parameters; of what was left empty none. */
export function asked({ path, description, tags }: More): object {
  const given = trimmed(tags);
  return {
    ...(path.trim() ? { Path: path.trim() } : {}),
    ...(description.trim() ? { Description: description.trim() } : {}),
    ...(given.length ? { Tags: given } : {}),
  };
}

/** What need not be given: of what is made with `described` and `tagged` a description and tags too. */
export function Optional({ value, onChange, described, tagged = true }: { value: More; onChange: (value: More) => void; described?: boolean; tagged?: boolean }) {
  const { t } = useWords();
  return (
    <ExpandableSection headerText={t("optional")}>
      <SpaceBetween size="m">
        {described && (
          <FormField label={t("description")} description={t("create.descriptionHint")}>
            <Input value={value.description} onChange={({ detail }) => onChange({ ...value, description: detail.value })} />
          </FormField>
        )}
        <FormField label={t("path")} description={t("create.pathHint")}>
          <Input value={value.path} placeholder="/" spellcheck={false} onChange={({ detail }) => onChange({ ...value, path: detail.value })} />
        </FormField>
        {tagged && (
          <FormField label={t("tags")}>
            <TagFields tags={value.tags} onChange={(tags) => onChange({ ...value, tags })} />
          </FormField>
        )}
      </SpaceBetween>
    </ExpandableSection>
  );
}

export function Create({ kind, account, onDismiss }: { kind: Kind | "policy"; account: string; onDismiss: () => void }) {
  const words = useWords();
  const { t } = words;
  const [name, setName] = useState("");
  const [who, setWho] = useState<string>("ec2");
  const [text, setText] = useState(START);
  const [more, setMore] = useState(NOTHING);
  const given = name.trim();
  const trusts = [...SERVICES.map((value) => ({ value, label: `${value}.amazonaws.com` })), { value: account, label: t("trust.account", { account }) }];
  const fault = kind === "policy" ? wrong(text, words) : "";
  async function act() {
    if (kind !== "policy") {
      await call("iam", `Create${WORD[kind]}`, { ...named(kind, given), ...asked(more), ...(kind === "role" ? { AssumeRolePolicyDocument: trust(who) } : {}) });
      go(LIST[kind], given);
      return;
    }
    const made = await call<{ Policy: { Arn: string } }>("iam", "CreatePolicy", { PolicyName: given, PolicyDocument: text, ...asked(more) });
    go("policies", made.Policy.Arn);
  }
  return (
    <Confirm title={t(`create.${kind}`)} text={t("create")} size={kind === "policy" ? "large" : "medium"} act={act} disabled={!given || fault !== "" || !whole(more.tags)} onDone={onDismiss} onDismiss={onDismiss}>
      <FormField label={t("name")}>
        <Input value={name} ariaRequired spellcheck={false} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
      {kind === "role" && (
        <FormField label={t("trusted")} description={t("create.trustHint")}>
          <Select
            selectedOption={trusts.find(({ value }) => value === who) ?? null}
            options={trusts}
            onChange={({ detail }) => setWho(detail.selectedOption.value ?? "ec2")}
          />
        </FormField>
      )}
      {kind === "policy" && (
        <Editor value={text} onChange={setText} rows={14} />
      )}
      <Optional value={more} onChange={setMore} described={kind === "role" || kind === "policy"} tagged={kind !== "group"} />
    </Confirm>
  );
}
