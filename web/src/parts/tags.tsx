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

export function Tags({ word, of, tags, onChanged }: Props) {
  const { t, say } = useWords();
  const { add } = useNotices();
  const [items, setItems] = useState(tags);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const set = (at: number, change: Partial<Tag>) => setItems((all) => all.map((tag, n) => (n === at ? { ...tag, ...change } : tag)));
  const twice = new Set(items.map(({ Key }) => Key.trim().toLowerCase())).size !== items.length;
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const wanted = items.map(({ Key, Value }) => ({ Key: Key.trim(), Value: Value.trim() }));
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
        <AttributeEditor
          items={items}
          empty={t("tags.none")}
          addButtonText={t("tags.add")}
          removeButtonText={t("remove")}
          removeButtonAriaLabel={(tag) => `${t("remove")} ${tag.Key}`}
          disableAddButton={items.length >= MOST}
          onAddButtonClick={() => setItems((all) => [...all, { Key: "", Value: "" }])}
          onRemoveButtonClick={({ detail }) => setItems((all) => all.filter((_, at) => at !== detail.itemIndex))}
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
        <Button
          variant="primary"
          loading={busy}
          disabled={twice || items.some(({ Key }) => !Key.trim()) || JSON.stringify(items) === JSON.stringify(tags)}
          onClick={() => void save()}
        >
          {t("save")}
        </Button>
      </SpaceBetween>
    </Container>
  );
}
