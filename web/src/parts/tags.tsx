// Tags of a user, role, policy or instance profile: all of them at once, saved by what changed.
import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../api";
import { useWords } from "../i18n";
import { Trouble, useNotices } from "../notices";
import type { Tag } from "../types";

interface Props {
  word: "User" | "Role" | "Policy" | "InstanceProfile";
  of: Record<string, string>;
  tags: Tag[];
  onChanged: () => void;
}

const MOST = 50;

export const trimmed = (tags: Tag[]) => tags.map(({ Key, Value }) => ({ Key: Key.trim(), Value: Value.trim() }));

/** Can they be saved: each with a key of its own? */
export const whole = (tags: Tag[]) =>
  tags.every(({ Key }) => Key.trim()) && new Set(tags.map(({ Key }) => Key.trim().toLowerCase())).size === tags.length;

export function TagFields({ tags, onChange }: { tags: Tag[]; onChange: (tags: Tag[]) => void }) {
  const { t } = useWords();
  const set = (at: number, change: Partial<Tag>) => onChange(tags.map((tag, n) => (n === at ? { ...tag, ...change } : tag)));
  return (
    <AttributeEditor
      items={tags}
      empty={t("tags.none")}
      addButtonText={t("tags.add")}
      removeButtonText={t("remove")}
      removeButtonAriaLabel={(tag) => `${t("remove")} ${tag.Key}`}
      disableAddButton={tags.length >= MOST}
      onAddButtonClick={() => onChange([...tags, { Key: "", Value: "" }])}
      onRemoveButtonClick={({ detail }) => onChange(tags.filter((_, at) => at !== detail.itemIndex))}
      definition={[
        {
          label: t("tags.key"),
          control: (tag, at) => <Input value={tag.Key} ariaRequired onChange={({ detail }) => set(at, { Key: detail.value })} />,
          errorText: (tag) => (tag.Key.trim() ? undefined : t("required")),
        },
        {
          label: t("tags.value"),
          control: (tag, at) => <Input value={tag.Value} onChange={({ detail }) => set(at, { Value: detail.value })} />,
        },
      ]}
    />
  );
}

export function Tags({ word, of, tags, onChanged }: Props) {
  const { t, say } = useWords();
  const { add } = useNotices();
  const [items, setItems] = useState(tags);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const wanted = trimmed(items);
      const gone = tags.filter(({ Key }) => !wanted.some((tag) => tag.Key === Key)).map(({ Key }) => Key);
      if (gone.length) await call("iam", `Untag${word}`, { ...of, TagKeys: gone });
      if (wanted.length) await call("iam", `Tag${word}`, { ...of, Tags: wanted });
      add({ type: "success", content: say("saved", { name: <>{t("tags")}</> }) });
      onChanged();
    } catch (failed) {
      setError(failed);
    }
    setBusy(false);
  };
  return (
    <Container header={<Header variant="h2">{t("tags")}</Header>}>
      <SpaceBetween size="m">
        <Trouble error={error} />
        <TagFields tags={items} onChange={setItems} />
        <Button
          variant="primary"
          loading={busy}
          disabled={!whole(items) || JSON.stringify(items) === JSON.stringify(tags)}
          onClick={() => void save()}
        >
          {t("save")}
        </Button>
      </SpaceBetween>
    </Container>
  );
}
